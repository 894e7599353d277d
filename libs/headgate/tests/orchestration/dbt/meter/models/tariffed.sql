select squares.id, tariffs.tariff
from {{ source('plants', 'squares') }} as squares
left join {{ source('files', 'tariffs') }} as tariffs on squares.id = tariffs.meter_id
