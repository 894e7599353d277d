select * from {{ ref('orphan') }}
