-- Accounts and order lines of which two versions hold.

select 'account' as subject, account_id as first_key, null as second_key
from {{ ref('accounts_history') }}
where dbt_valid_to is null
group by account_id
having count(*) > 1

union all

select 'order line' as subject, order_id as first_key, product_id as second_key
from {{ ref('transactions_history') }}
where dbt_valid_to is null
group by order_id, product_id
having count(*) > 1
