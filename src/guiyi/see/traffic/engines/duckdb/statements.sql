{#- Every statement of traffic for DuckDB, rendered by Jinja. A set of channels, functions or months is a mask in words of
64 bits: c0, c1, … for channels, f0, … for functions, m0, … for months. Numbers are written as they are; text from
outside only through the filters `text` and `name`. #}
{#- The bit of a place inside its word. The outer cast matters: without it the shift leaves DuckDB as a type that becomes
float64 in NumPy and silently loses bits. #}
{% macro bit(place) %}(1::ubigint << ({{ place }} % 64)::ubigint)::ubigint{% endmacro %}
{% macro masks(letter, words, place) %}
{% for word in range(words) %}
, {% if words == 1 %}bit_or({{ bit(place) }}){% else %}coalesce(bit_or({{ bit(place) }}) filter ({{ place }} // 64 = {{ word }}), 0::ubigint){% endif %} as {{ letter }}{{ word }}
{% endfor %}
{% endmacro %}
{% macro ored(letter, words) %}{% for word in range(words) %}, bit_or({{ letter }}{{ word }}) as {{ letter }}{{ word }}{% endfor %}{% endmacro %}
{% macro listed(letter, words, table="") %}{% for word in range(words) %}, {% if table %}{{ table }}.{% endif %}{{ letter }}{{ word }}{% endfor %}{% endmacro %}
{% macro holds(letter, place, table="") %}({% if table %}{{ table }}.{% endif %}{{ letter }}{{ place // 64 }} & {{ bit(place) }}) <> 0{% endmacro %}
{#- The month of a moment by halving the months: exact in any zone, since its borders come from outside. #}
{% macro month(starts, low, high) %}
{% if low == high %}{{ low }}{% else %}{% set middle = (low + high + 1) // 2 %}case when time_us < {{ starts[middle] }} then {{ month(starts, low, middle - 1) }} else {{ month(starts, middle, high) }} end{% endif %}
{% endmacro %}
{#- Trimming every key would double the time of the load: only those are trimmed that begin like a blank one. #}
{% macro blank(column) %}({{ column }} is null or case
  when {{ column }} < '!' or ({{ column }} >= chr(12288) and {{ column }} < chr(12289))
  then trim({{ column }}, chr(32) || chr(9) || chr(10) || chr(13) || chr(12288)) = '' else false end){% endmacro %}
{% macro column(name, type, alias) %}
{% if name is none %}null::varchar as {{ alias }}{% else %}{{ name | name }}::varchar as {{ alias }}{% endif %}
{% endmacro %}

-- name: store
create or replace temp table {{ table }} as select * from given

-- name: drop
drop table if exists {{ table }}

-- name: parquet_columns
select column_name, column_type from (describe select * from read_parquet({{ file | text }}, binary_as_string = true))

-- name: parquet_rows
select file_name, num_rows from parquet_file_metadata([{% for file in files %}{{ file | text }}{{ "," if not loop.last }}{% endfor %}])

-- name: parquet_synthetic
select distinct file_name from parquet_kv_metadata([{% for file in files %}{{ file | text }}{{ "," if not loop.last }}{% endfor %}])
where decode(key) = {{ key | text }} and lower(decode(value)) = 'true'

-- name: csv_to_parquet
{#- Strict: whatever is not plain is an error here and is read record by record instead. #}
copy (
  select {% for place in wanted %}column{{ place }}{{ "," if not loop.last }}{% endfor %}
  from read_csv({{ file | text }}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"',
    strict_mode = true, all_varchar = true, max_line_size = 4000000, compression = {{ compression | text }},
    columns = { {% for place in range(columns) %}'column{{ place }}': 'varchar'{{ "," if not loop.last }}{% endfor %} })
) to {{ target | text }} (format parquet, compression snappy, preserve_order true)

-- name: events
{#- The log as it stands, one branch for each shape of files. #}
create or replace temp view event as
{% for shape in shapes %}
select filename as file, {{ shape.row }} as row
, {% if shape.time_type == "text" %}epoch_us(try_cast({{ shape.event_time | name }} as timestamptz))
{% elif shape.time_type == "moment" %}epoch_us({{ shape.event_time | name }}){% else %}epoch_us({{ shape.event_time | name }}::timestamp){% endif %} as time_us
, {{ shape.event_time | name }}::varchar as event_time
, {{ column(shape.channel_id, "", "channel_id") }}
, {{ column(shape.function_id, "", "function_id") }}
, {{ column(shape.user_key, "", "user_key") }}
, {{ column(shape.customer_id, "", "customer_id") }}
, {{ column(shape.value_minor, "", "value_minor") }}
, {% if shape.value_type == "text" %}not ({{ blank(shape.value_minor | name) }} or regexp_full_match(trim({{ shape.value_minor | name }}), '[+-]?[0-9]{1,18}'))
{% elif shape.value_type == "real" %}coalesce({{ shape.value_minor | name }} <> trunc({{ shape.value_minor | name }}) or not isfinite({{ shape.value_minor | name }}::double), false)
{% else %}false{% endif %} as value_bad
from read_parquet([{% for file in shape.files %}{{ file | text }}{{ "," if not loop.last }}{% endfor %}], filename = true, file_row_number = true, binary_as_string = true)
{{ "union all" if not loop.last }}
{% endfor %}

-- name: day_counts
select min(time_us), max(time_us), count(*) from event where time_us is not null group by time_us // 86400000000

-- name: checked
create or replace temp view checked as
select event.*, channel.place as channel, function.place as function
, case
    when time_us is null then 'bad_time'
    when time_us < {{ start }} or time_us >= {{ end }} then 'outside_window'
    when channel.place is null then 'unknown_channel'
    when function.place is null then 'unknown_function'
    when {{ blank("user_key") }} then 'empty_key'
    when value_bad then 'bad_value'
  end as reason
from event
left join channel on channel.id = event.channel_id
left join function on function.id = event.function_id

-- name: seen
{#- The log folded to one row for each channel, user key and customer number: everything else follows from it. #}
create or replace temp table seen as
select channel, user_key, customer_id, count(*) as events
{{ masks("m", month_words, "month") }}
{{ masks("f", function_words, "function") }}
from (
  select channel, function, user_key, customer_id, ({{ month(starts, 0, starts | length - 2) }})::ubigint as month
  from checked where reason is null
)
group by channel, user_key, customer_id

-- name: rows_read
select coalesce(sum(events), 0)::bigint from seen

-- name: refused_counts
select reason, count(*) from checked where reason is not null group by reason

-- name: refused_examples
select file, row, reason
, case reason when 'unknown_channel' then channel_id when 'unknown_function' then function_id when 'empty_key' then user_key
    when 'bad_value' then value_minor else event_time end as value
from checked where reason = {{ reason | text }} order by file, row limit {{ limit }}

-- name: identities
create or replace temp view identity_row as
{% for shape in shapes %}
select filename as file, {{ shape.row }} as row
, {{ column(shape.channel_id, "", "channel_id") }}
, {{ column(shape.user_key, "", "user_key") }}
, {{ column(shape.key_type, "", "key_type") }}
, {{ column(shape.key_value, "", "key_value") }}
from read_parquet([{% for file in shape.files %}{{ file | text }}{{ "," if not loop.last }}{% endfor %}], filename = true, file_row_number = true, binary_as_string = true)
{{ "union all" if not loop.last }}
{% endfor %}

-- name: identities_checked
create or replace temp view identity_checked as
select identity_row.*, channel.place as channel
, case
    when channel.place is null then 'unknown_channel'
    when {{ blank("user_key") }} then 'empty_key'
    when {{ blank("key_type") }} then 'empty_type'
    when {{ blank("key_value") }} then 'empty_value'
  end as reason
from identity_row
left join channel on channel.id = identity_row.channel_id

-- name: identities_seen
create or replace temp table identity as
select channel, user_key, key_type, key_value, count(*) as rows
from identity_checked where reason is null group by channel, user_key, key_type, key_value

-- name: identities_none
create or replace temp table identity (channel uinteger, user_key varchar, key_type varchar, key_value varchar, rows bigint)

-- name: identity_rows_read
select coalesce(sum(rows), 0)::bigint from identity

-- name: identity_refused_counts
select reason, count(*) from identity_checked where reason is not null group by reason

-- name: identity_refused_examples
select file, row, reason
, case reason when 'unknown_channel' then channel_id when 'empty_key' then user_key when 'empty_type' then key_type else key_value end as value
from identity_checked where reason = {{ reason | text }} order by file, row limit {{ limit }}

-- name: values
{#- Every value that can join keys, numbered from 0 without gaps. #}
create or replace temp table value as
select (row_number() over () - 1)::ubigint as value, key_type, key_value, key_type = 'customer_number' as is_number
from (
  select 'customer_number' as key_type, customer_id as key_value from seen where not {{ blank("customer_id") }}
  union
  select key_type, key_value from identity
)

-- name: identity_roots
{#- One of the values that the identities file gives a channel identity. #}
create or replace temp table identity_root as
select channel, user_key, min(value.value) as given
from identity join value using (key_type, key_value) group by channel, user_key

-- name: keys
{#- One row for each channel identity of the log; own … other = the customer numbers that its events carry. #}
create or replace temp table key as
select seen.channel, seen.user_key, min(value.value) as own, max(value.value) as other, any_value(identity_root.given) as given
{{ ored("m", month_words) }} {{ ored("f", function_words) }}
from seen
left join value on value.is_number and value.key_value = seen.customer_id
left join identity_root on identity_root.channel = seen.channel and identity_root.user_key = seen.user_key
group by seen.channel, seen.user_key

-- name: edges
{#- Pairs of values that one key joins. #}
select distinct low, high from (
  select key.own as low, value.value as high
  from key
  join seen on seen.channel = key.channel and seen.user_key = key.user_key
  join value on value.is_number and value.key_value = seen.customer_id
  where key.own <> key.other
  union all
  select given, value.value from identity_root join identity using (channel, user_key) join value using (key_type, key_value)
  union all
  select given, own from key
) where low <> high

-- name: numbers
select value from value where is_number

-- name: value_count
select count(*) from value

-- name: presences
{#- One row for each channel identity with the person behind it. `component` says value -> person, -1 in a conflict.
Linked persons have the numbers below `linked`, the others follow. #}
create or replace temp table presence as
select
  case when person >= 0 then person
    else {{ linked }} + sum(case when person >= 0 then 0 else 1 end) over (rows unbounded preceding) - 1 end::ubigint as person
, channel {{ listed("m", month_words) }} {{ listed("f", function_words) }}
from (
  select key.* exclude (user_key, own, other, given), coalesce(component.person, -1) as person
  from key left join component on component.value = coalesce(own, given)
)

-- name: conflict_keys
{#- Channel identities, of the log or of the identities file, whose component holds two customer numbers or more. #}
select conflict.component, channel.id, user_key
from (
  select channel, user_key, coalesce(own, identity_root.given) as value
  from key full join identity_root using (channel, user_key)
) joined
join conflict on conflict.value = joined.value
join channel on channel.place = joined.channel

-- name: conflict_numbers
select conflict.component, key_value from value join conflict using (value) where is_number

-- name: persons
create or replace temp table person as
select person, person < {{ linked }} as linked
, case when {% for word in range(function_words) %}(f{{ word }} & {{ corporate[word] }}::ubigint) <> 0 or {% endfor %}false then 0
    when {% for word in range(month_words) %}bit_count(m{{ word }}){{ " + " if not loop.last }}{% endfor %} >= {{ frequent_from }} then 1 else 2 end::utinyint as segment
{{ listed("c", channel_words) }} {{ listed("m", month_words) }} {{ listed("f", function_words) }}
from (
  select person {{ masks("c", channel_words, "channel") }} {{ ored("m", month_words) }} {{ ored("f", function_words) }}
  from presence group by person
)

-- name: window_masks
{#- `activity` over the whole window, grouped. #}
select segment, linked {{ listed("c", channel_words) }}, count(*) as customers
from person group by all

-- name: month_masks
{#- `activity` of one month, grouped. #}
select segment, linked {{ listed("c", channel_words, "active") }}, count(*) as customers
from (
  select person {{ masks("c", channel_words, "channel") }} from presence where {{ holds("m", month_place) }} group by person
) active join person using (person)
group by all

-- name: months_active
select customers {{ listed("m", month_words) }} from (select count(*) as customers {{ listed("m", month_words) }} from person group by all)

-- name: functions_used
select customers {{ listed("f", function_words) }} from (select count(*) as customers {{ listed("f", function_words) }} from person group by all)

-- name: use_none
create or replace temp table use (function uinteger, person ubigint {% for word in range(channel_words) %}, c{{ word }} ubigint{% endfor %})

-- name: use_of
{#- `use` of one function. #}
insert into use
select {{ function_place }}, person {{ masks("c", channel_words, "channel") }}
from presence where {{ holds("f", function_place) }} group by person

-- name: cells
{#- Cells of one function: use masks, with the mask of those hosts outside of it on which a customer is active. #}
select segment {{ listed("c", channel_words, "use") }}
{% for word in range(channel_words) %}, person.c{{ word }} & {{ hosts[word] }}::ubigint & ~use.c{{ word }} as h{{ word }}{% endfor %}
, count(*) as customers
from use join person using (person)
where function = {{ function_place }}
group by all

-- name: offering_masks
select function {{ listed("c", channel_words) }}, count(*) as customers from use group by all

-- name: moved
{#- `move` says (function, segment, use mask) -> mask of the host that serves the cell. #}
select count(distinct use.person)
from use join person using (person)
join move on move.function = use.function and move.segment = person.segment
{% for word in range(channel_words) %} and move.c{{ word }} = use.c{{ word }}{% endfor %}
where {% for word in range(channel_words) %}(person.c{{ word }} & move.h{{ word }}) = 0{{ " and " if not loop.last }}{% endfor %}

-- name: write_events
copy (
  select make_timestamp(time_us) as event_time, channel.id as channel_id, function.id as function_id
  , printf('k%011x', key) as user_key
  , case when customer >= 0 then printf('C%09d', customer) end as customer_id
  from batch
  join channel on channel.place = batch.channel join function on function.place = batch.function
  order by time_us, key, function.place
) to {{ target | text }} {% if format == 'csv' %}(format csv, header){% else %}(format parquet, compression zstd, preserve_order true, kv_metadata { {{ mark | text }}: 'true' }){% endif %}

-- name: write_identities
copy (
  select channel.id as channel_id, printf('k%011x', key) as user_key
  , case when is_number then 'customer_number' else 'unionid' end as key_type
  , case when is_number then printf('C%09d', value) else printf('un%012x', value) end as key_value
  from batch join channel on channel.place = batch.channel
  order by key, is_number, value
) to {{ target | text }} {% if format == 'csv' %}(format csv, header){% else %}(format parquet, compression zstd, preserve_order true, kv_metadata { {{ mark | text }}: 'true' }){% endif %}
