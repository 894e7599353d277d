select * from {{ source('nowhere', 'gone') }}
