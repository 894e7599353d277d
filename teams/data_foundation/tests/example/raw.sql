-- The raw tables as landed, with rows whose figures can be worked out by hand. Times are Pacific wall time.

create table raw_accounts (
    account_id bigint, first_name varchar, last_name varchar, email varchar, phone varchar, gender varchar,
    date_of_birth date, country varchar, is_active boolean, created_at timestamp, updated_at timestamp,
    _loaded_at timestamp with time zone
);

insert into raw_accounts values
    (101, 'Grace', 'Hopper', ' Grace.Hopper@Example.com', '+1 (415) 555-0137', 'F', '1987-12-09', 'US', true, '2025-01-05 09:00:00', '2026-03-08 01:59:59', '2026-10-01 06:00:00+00'),
    (102, 'li', 'Nguyen', 'grace.hopper@example.com', '14155550137', null, '1990-01-01', 'CA', true, '2025-01-05 09:00:00', '2026-03-08 03:00:00', '2026-10-01 06:00:00+00'),
    (103, null, '', null, null, '', null, null, true, '2025-01-05 09:00:00', '2025-11-02 00:59:59', '2026-10-01 06:00:00+00'),
    (104, 'Omar', 'Diaz', 'omar@example.com', null, 'm', '1975-06-30', 'US', false, '2025-01-05 09:00:00', '2025-11-02 01:30:00', '2026-10-01 06:00:00+00'),
    (105, 'Ana', 'Silva', 'ana@example.com', null, 'f', '2001-02-28', 'US', true, '2025-01-05 09:00:00', '2025-11-02 02:00:00', '2026-10-01 06:00:00+00'),
    (106, 'Ken', 'Ito', 'ken@example.com', null, 'm', '1999-12-31', 'US', true, '2025-01-05 09:00:00', '2026-03-08 02:30:00', '2026-10-01 06:00:00+00'),
    -- a second row of an account, the older one loaded later
    (106, 'Old', 'Name', 'ken@example.com', null, 'm', '1999-12-31', 'US', true, '2025-01-05 09:00:00', '2025-02-01 10:00:00', '2026-10-01 07:00:00+00');

create table raw_products (
    product_id bigint, sku varchar, product_name varchar, brand varchar, category varchar, list_price_cents bigint, cost_cents bigint,
    updated_at timestamp, _loaded_at timestamp with time zone
);

insert into raw_products values
    (1, 'ALD-0001', 'Alderway Trail Boots', 'Alderway', 'footwear', 12999, 7001, '2025-01-05 09:00:00', '2026-10-01 06:00:00+00'),
    (2, 'ALD-0002', 'Alderway Ridge Mug', ' Alderway ', 'kitchen', 1949, 805, '2025-01-05 09:00:00', '2026-10-01 06:00:00+00'),
    (3, 'BOR-0003', 'Borealis Summit Tent', 'Borealis', 'camping', 24000, 11999, '2025-01-05 09:00:00', '2026-10-01 06:00:00+00');

create table raw_individual_party_keys (
    individual_party_key varchar, source_system varchar, source_key varchar, matched_at timestamp, _loaded_at timestamp with time zone
);

insert into raw_individual_party_keys values
    ('P1', 'accounts_db', '101', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    ('P1', 'adobe_experience', 'v1', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    ('P1', 'adobe_experience', 'v2', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    -- mixed case
    ('P2', 'ACCOUNTS_DB', '102', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    ('P2', 'Adobe_Experience', 'w1', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    -- account 104 was matched again; the systems are spelt differently, so landing kept both
    ('P4', 'Accounts_DB', '104', '2025-06-01 00:00:00', '2026-09-30 06:00:00+00'),
    ('P3', 'accounts_db', '104', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    ('P3', 'adobe_experience', 'p3', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    ('P4', 'adobe_experience', 'p4', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    ('P5', 'accounts_db', '105', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    ('P5', 'adobe_experience', 't1', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    ('P5', 'adobe_experience', 't2', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    ('P6', 'accounts_db', '106', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    ('P6', 'adobe_experience', 'd1', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00'),
    -- a visitor whose name is the number of an account: another system
    ('P2', 'adobe_experience', '103', '2025-01-06 00:00:00', '2026-10-01 06:00:00+00');

create table raw_transactions (
    order_id bigint, product_id bigint, account_id bigint, date_time timestamp, quantity integer, revenue_cents bigint, tax_cents bigint,
    currency varchar, channel varchar, _loaded_at timestamp with time zone
);

insert into raw_transactions values
    (1, 1, 101, '2026-06-30 12:00:00', 1, 12999, 1072, 'usd', 'web', '2026-10-01 06:00:00+00'),
    (1, 3, 101, '2026-06-30 12:00:00', 2, 48000, 3960, 'USD', 'web', '2026-10-01 06:00:00+00'),
    (2, 1, 102, '2026-08-31 10:00:00', 1, 12999, 1, 'usd', 'app', '2026-10-01 06:00:00+00'),
    (3, 1, 102, '2026-08-31 10:00:01', 1, 12999, 0, 'usd', 'app', '2026-10-01 06:00:00+00'),
    (4, 1, 105, '2026-05-05 10:00:00', 1, 12999, 0, 'usd', 'web', '2026-10-01 06:00:00+00'),
    (5, 3, 105, '2026-05-06 10:00:00', 1, 24000, 0, 'usd', 'web', '2026-10-01 06:00:00+00'),
    (6, 1, 103, '2026-06-30 12:00:00', 1, 12999, 0, 'usd', 'web', '2026-10-01 06:00:00+00'),
    (7, 2, 104, '2026-07-15 23:30:00', 3, 5847, 0, 'usd', 'web', '2026-10-01 06:00:00+00'),
    (8, 1, 106, '2025-11-02 01:30:00', 1, 12999, 0, 'usd', 'web', '2026-10-01 06:00:00+00'),
    (9, 3, 106, '2026-03-08 03:30:00', 1, 24000, 0, 'usd', 'web', '2026-10-01 06:00:00+00'),
    (10, 3, 106, '2026-03-08 02:30:00', 1, 24000, 0, 'usd', 'web', '2026-10-01 06:00:00+00'),
    (11, 3, 102, '2026-09-15 09:00:00', 1, 31999, 4160, 'cad', 'app', '2026-10-01 06:00:00+00'),
    (12, 99, 999, '2026-09-15 09:00:00', 1, 9007199254740993, 1, 'usd', 'web', '2026-10-01 06:00:00+00');

create table raw_web_hits (
    hit_id bigint, visitor_id varchar, date_time timestamp, page_url varchar, page_type varchar, campaign_tracking_code varchar, sku varchar,
    brand varchar, _loaded_at timestamp with time zone
);

insert into raw_web_hits values
    -- party P1: the first click, of the line's SKU; a later one of another brand; one a second after the order
    (101, 'v1', '2026-06-10 09:00:00', 'https://shop.example.com/p/ald-0001?mail=grace.hopper@example.com', 'Product', 'GGL-001', 'ALD-0001', 'Alderway', '2026-10-01 06:00:00+00'),
    (103, 'v1', '2026-06-25 09:00:00', 'https://shop.example.com/b/borealis', 'brand', 'ggl-003', null, 'Borealis', '2026-10-01 06:00:00+00'),
    (104, 'v1', '2026-06-30 12:00:01', 'https://shop.example.com/p/ald-0001', 'product', 'fbk-002', 'ALD-0001', 'alderway', '2026-10-01 06:00:00+00'),
    -- no click, and one of nobody who is known
    (105, 'v1', '2026-06-30 11:00:00', 'https://shop.example.com/p/ald-0001', 'product', null, 'ALD-0001', 'Alderway', '2026-10-01 06:00:00+00'),
    (106, 'x9', '2026-06-30 11:59:59', 'https://shop.example.com/p/ald-0001', 'product', 'ggl-025', 'ALD-0001', 'Alderway', '2026-10-01 06:00:00+00'),
    (107, 'v1', '2026-06-30 11:59:00', 'https://shop.example.com/', 'home', '  ', null, null, '2026-10-01 06:00:00+00'),
    -- party P2: exactly 720 hours before order 2; a code that no campaign has
    (201, 'w1', '2026-08-01 10:00:00', 'https://shop.example.com/p/ald-0001', 'product', 'ggl-001', 'ALD-0001', 'Alderway', '2026-10-01 06:00:00+00'),
    (202, 'w1', '2026-09-14 09:00:00', 'https://shop.example.com/', 'home', 'ZZZ-999', null, null, '2026-10-01 06:00:00+00'),
    -- parties P3 and P4, a day before order 7; P4's is not later
    (301, 'p3', '2026-07-14 23:30:00', 'https://shop.example.com/b/alderway', 'brand', 'ggl-001', null, 'Alderway', '2026-10-01 06:00:00+00'),
    (302, 'p4', '2026-07-14 23:30:00', 'https://shop.example.com/b/alderway', 'brand', 'fbk-002', null, 'Alderway', '2026-10-01 06:00:00+00'),
    -- party P5: two clicks in order 4's instant, and a hit_id that web and app both have
    (500, 't1', '2026-05-05 10:00:00', 'https://shop.example.com/p/ald-0001', 'product', 'ggl-001', 'ALD-0001', 'Alderway', '2026-10-01 06:00:00+00'),
    (600, 't1', '2026-05-06 09:00:00', 'https://shop.example.com/p/bor-0003', 'product', 'ggl-003', 'BOR-0003', 'Borealis', '2026-10-01 06:00:00+00'),
    -- party P6, November: 30 days before order 8 on the wall are 721 hours; an hour later it is 720
    (701, 'd1', '2025-10-03 01:30:00', 'https://shop.example.com/p/ald-0001', 'product', 'ggl-001', 'ALD-0001', 'Alderway', '2026-10-01 06:00:00+00'),
    (702, 'd1', '2025-10-03 02:30:00', 'https://shop.example.com/', 'home', 'ggl-025', null, null, '2026-10-01 06:00:00+00'),
    -- March: 720 hours before half past three are half past two
    (703, 'd1', '2026-02-06 02:30:00', 'https://shop.example.com/p/bor-0003', 'product', 'ggl-003', 'BOR-0003', 'Borealis', '2026-10-01 06:00:00+00'),
    -- of account 103's number, and of party P2 by its own
    (801, '103', '2026-06-30 11:30:00', 'https://shop.example.com/p/ald-0001', 'product', 'ggl-001', 'ALD-0001', 'Alderway', '2026-10-01 06:00:00+00');

create table raw_app_hits (
    hit_id bigint, visitor_id varchar, date_time timestamp, screen varchar, campaign_tracking_code varchar, sku varchar, brand varchar,
    _loaded_at timestamp with time zone
);

insert into raw_app_hits values
    -- the other device of party P1, of the line's brand and another SKU
    (102, 'v2', '2026-06-20 09:00:00', 'product', 'fbk-002', 'ALD-0002', 'Alderway', '2026-10-01 06:00:00+00'),
    (501, 't2', '2026-05-05 10:00:00', 'product', 'fbk-002', 'ALD-0001', 'Alderway', '2026-10-01 06:00:00+00'),
    (600, 't2', '2026-05-06 09:00:00', 'product', 'fbk-004', 'BOR-0003', 'Borealis', '2026-10-01 06:00:00+00');
