-- The raw tables with activities of two athletes whose figures can be worked out by hand: 1609.344 m are a mile, 0.3048 m a foot.
-- The same statements run on DuckDB and on Snowflake.

create table activities (
    id bigint,
    athlete__id bigint,
    name varchar,
    sport_type varchar,
    type varchar,
    start_date timestamp with time zone,
    start_date_local varchar,
    timezone varchar,
    utc_offset double,
    distance double,
    moving_time bigint,
    elapsed_time bigint,
    total_elevation_gain double,
    average_speed double,
    max_speed double,
    average_heartrate double,
    max_heartrate double,
    average_watts double,
    weighted_average_watts double,
    max_watts double,
    kilojoules double,
    device_watts boolean,
    trainer boolean,
    commute boolean,
    manual boolean,
    private boolean,
    gear_id varchar,
    average_temp double,
    elev_high double,
    elev_low double,
    _loaded_at timestamp with time zone
);

insert into activities values
    -- the 23-hour day of Amsterdam, 2026-03-29: half past midnight before the change, a quarter to midnight after it, and the Monday that follows
    (1, 11, 'Night Ride', 'Ride', 'Ride', '2026-03-28 23:30:00+00:00', '2026-03-29T00:30:00Z', '(GMT+01:00) Europe/Amsterdam', 3600, 16093.44, 3600, 4000, 304.8, 4.4704, 8.9408, 140, 171, 150, 160, 600, 540, true, false, false, false, false, 'b1', null, null, null, '2026-11-20 06:00:00+00:00'),
    (2, 11, 'Morning Ride', 'GravelRide', 'Ride', '2026-03-29 21:45:00+00:00', '2026-03-29T23:45:00Z', '(GMT+01:00) Europe/Amsterdam', 7200, 32186.88, 7200, 7200, 0, 4.4704, 10, null, null, null, null, null, null, null, false, false, false, false, 'b1', null, null, null, '2026-11-20 06:00:00+00:00'),
    (3, 11, 'Morning Ride', 'Ride', 'Ride', '2026-03-29 22:15:00+00:00', '2026-03-30T00:15:00Z', '(GMT+01:00) Europe/Amsterdam', 7200, 1609.344, 300, 300, 10, 5.36448, 9, 120, 150, 140, null, null, 42, false, false, false, false, false, 'b2', null, null, null, '2026-11-20 06:00:00+00:00'),
    -- the 25-hour day of New York, 2025-11-02: half past one before the change, and half past one again an hour later
    (4, 22, 'Run', 'Run', 'Run', '2025-11-02 05:30:00+00:00', '2025-11-02T01:30:00Z', '(GMT-05:00) America/New_York', -14400, 1609.344, 600, 660, 5, 2.68224, 4, 150, 170, null, null, null, null, null, false, false, false, false, 'g1', null, null, null, '2026-11-20 06:00:00+00:00'),
    (5, 22, 'Run', 'TrailRun', 'Run', '2025-11-02 06:30:00+00:00', '2025-11-02T01:30:00Z', '(GMT-05:00) America/New_York', -18000, 3218.688, 1200, 1260, 15, 2.68224, 4, 155, 175, null, null, null, null, null, false, false, false, false, 'g1', null, null, null, '2026-11-20 06:00:00+00:00'),
    -- around New Year: Sunday 2021-01-03 is in week 53 of 2020, Monday 2024-12-30 in week 1 of 2025
    (6, 22, 'Laps', 'Swim', 'Swim', '2021-01-03 12:00:00+00:00', '2021-01-03T07:00:00Z', '(GMT-05:00) America/New_York', -18000, 1000, 1500, 1800, 0, 0.667, 1, null, null, null, null, null, null, null, false, false, false, false, null, null, null, null, '2026-11-20 06:00:00+00:00'),
    (7, 11, 'Commute', 'EBikeRide', 'EBikeRide', '2024-12-30 07:00:00+00:00', '2024-12-30T08:00:00Z', '(GMT+01:00) Europe/Amsterdam', 3600, 8046.72, 1200, 1300, 20, 6.7056, 9, null, null, null, null, null, null, null, false, true, false, false, 'b1', null, null, null, '2026-11-20 06:00:00+00:00'),
    -- the first of the month in Auckland is the last of the month in UTC
    (8, 22, 'Far away', 'Run', 'Run', '2026-06-30 20:00:00+00:00', '2026-07-01T08:00:00Z', '(GMT+12:00) Pacific/Auckland', 43200, 5000, 1500, 1500, 30, 3.333, 5, null, null, null, null, null, null, null, false, false, false, false, null, null, null, null, '2026-11-20 06:00:00+00:00'),
    -- no distance, as it should be; and an older activity that has no sport_type
    (9, 11, 'Stretching', 'Yoga', 'Workout', '2026-03-30 18:00:00+00:00', '2026-03-30T20:00:00Z', '(GMT+01:00) Europe/Amsterdam', 7200, 0, 3600, 3600, 0, 0, 0, null, null, null, null, null, null, null, false, false, true, false, null, null, null, null, '2026-11-20 06:00:00+00:00'),
    (10, 11, 'Morning Ride', null, 'VirtualRide', '2026-03-31 05:00:00+00:00', '2026-03-31T07:00:00Z', '(GMT+01:00) Europe/Amsterdam', 7200, 20000, 2400, 2400, 100, 8.333, 12, 145, 160, 200, 205, 350, 480, true, true, false, false, false, null, null, null, null, '2026-11-20 06:00:00+00:00'),
    -- doubtful: no distance, negative time, a clock that was not set, the future, and two reasons at once
    (11, 11, 'Lost GPS', 'Ride', 'Ride', '2026-03-31 15:00:00+00:00', '2026-03-31T17:00:00Z', '(GMT+01:00) Europe/Amsterdam', 7200, null, 1800, 1800, 0, 0, 0, null, null, null, null, null, null, null, false, false, false, false, 'b1', null, null, null, '2026-11-20 06:00:00+00:00'),
    (12, 22, 'Backwards', 'Run', 'Run', '2026-03-31 15:00:00+00:00', '2026-03-31T11:00:00Z', '(GMT-05:00) America/New_York', -14400, 5000, -60, 1500, 0, 0, 0, null, null, null, null, null, null, null, false, false, false, false, 'g1', null, null, null, '2026-11-20 06:00:00+00:00'),
    (13, 11, 'Old clock', 'Ride', 'Ride', '1970-01-01 00:00:10+00:00', '1970-01-01T01:00:10Z', '(GMT+01:00) Europe/Amsterdam', 3600, 9000, 1800, 1800, 0, 5, 9, null, null, null, null, null, null, null, false, false, false, false, 'b1', null, null, null, '2026-11-20 06:00:00+00:00'),
    (14, 22, 'New clock', 'Ride', 'Ride', '2099-01-01 12:00:00+00:00', '2099-01-01T07:00:00Z', '(GMT-05:00) America/New_York', -18000, 9000, 1800, 1800, 0, 5, 9, null, null, null, null, null, null, null, false, false, false, false, null, null, null, null, '2026-11-20 06:00:00+00:00'),
    (15, 22, 'All of it', 'Run', 'Run', '1970-01-01 12:00:00+00:00', '1970-01-01T07:00:00Z', '(GMT-05:00) America/New_York', -18000, 0, 0, 0, 0, 0, 0, null, null, null, null, null, null, null, false, false, false, false, null, null, null, null, '2026-11-20 06:00:00+00:00');

create table gear (id varchar, name varchar);

insert into gear values ('b1', 'Gravel bike'), ('b2', 'Old bike'), ('g1', 'Shoes');

create table athlete_stats (
    athlete_id bigint,
    biggest_ride_distance double,
    biggest_climb_elevation_gain double,
    recent_ride_totals__count bigint,
    recent_ride_totals__distance double,
    recent_ride_totals__moving_time bigint,
    recent_ride_totals__elapsed_time bigint,
    recent_ride_totals__elevation_gain double,
    recent_ride_totals__achievement_count bigint,
    recent_run_totals__count bigint,
    recent_run_totals__distance double,
    recent_run_totals__moving_time bigint,
    recent_run_totals__elapsed_time bigint,
    recent_run_totals__elevation_gain double,
    recent_run_totals__achievement_count bigint,
    recent_swim_totals__count bigint,
    recent_swim_totals__distance double,
    recent_swim_totals__moving_time bigint,
    recent_swim_totals__elapsed_time bigint,
    recent_swim_totals__elevation_gain double,
    recent_swim_totals__achievement_count bigint,
    all_ride_totals__count bigint,
    all_ride_totals__distance double,
    all_ride_totals__moving_time bigint,
    all_ride_totals__elapsed_time bigint,
    all_ride_totals__elevation_gain double,
    all_run_totals__count bigint,
    all_run_totals__distance double,
    all_run_totals__moving_time bigint,
    all_run_totals__elapsed_time bigint,
    all_run_totals__elevation_gain double,
    all_swim_totals__count bigint,
    all_swim_totals__distance double,
    all_swim_totals__moving_time bigint,
    all_swim_totals__elapsed_time bigint,
    all_swim_totals__elevation_gain double,
    ytd_ride_totals__count bigint,
    ytd_ride_totals__distance double,
    ytd_ride_totals__moving_time bigint,
    ytd_ride_totals__elapsed_time bigint,
    ytd_ride_totals__elevation_gain double,
    ytd_run_totals__count bigint,
    ytd_run_totals__distance double,
    ytd_run_totals__moving_time bigint,
    ytd_run_totals__elapsed_time bigint,
    ytd_run_totals__elevation_gain double,
    ytd_swim_totals__count bigint,
    ytd_swim_totals__distance double,
    ytd_swim_totals__moving_time bigint,
    ytd_swim_totals__elapsed_time bigint,
    ytd_swim_totals__elevation_gain double
);

insert into athlete_stats values
    (11, 150000, 900, 1, 1609.344, 3600, 3700, 0.3048, 2, 0, 0.0, 0, 0, 0.0, 0, 0, 0.0, 0, 0, 0.0, 0, 10, 16093.44, 36000, 37000, 3.048, 0, 0.0, 0, 0, 0.0, 0, 0.0, 0, 0, 0.0, 5, 8046.72, 18000, 18500, 1.524, 0, 0.0, 0, 0, 0.0, 0, 0.0, 0, 0, 0.0),
    (22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
