{{ config(materialized='table') }}
select id, tariff from {{ ref('tariffed') }}
