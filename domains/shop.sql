-- The laws of the simulated shop: who registers, moves, reads, orders, and what becomes of each order. Read by shop.py,
-- which fills in the parameters. Days (n) are counted from 1970-01-01, instants (t) in milliseconds, money in cents.

CREATE MACRO u(salt, k) AS  -- the k-th number of the sequence `salt`, uniform in [0, 1)
    (hash(xor(hash(concat($seed, salt)), CAST(k AS UBIGINT))) >> 11) / 9007199254740992.0;
CREATE MACRO upto(n, r) AS CAST(floor(n * r) AS BIGINT);
CREATE MACRO oneof(choices, r) AS choices[1 + upto(len(choices), r)];
CREATE MACRO eur(cents) AS printf('%d.%02d', cents // 100, cents % 100);
CREATE MACRO day(t) AS t // 86400000;
CREATE MACRO instant(n, r) AS CAST(86400000 * (n + r) AS BIGINT);
CREATE MACRO utc_day(t) AS strftime(epoch_ms(t), '%Y-%m-%d');
CREATE MACRO rfc3339(t, z) AS  -- written in the zone that is z hours off
    strftime(epoch_ms(t + z * 3600000), '%Y-%m-%dT%H:%M:%S.%g') || CASE WHEN z = 0 THEN 'Z' ELSE printf('%+03d:00', z) END;

-- Hand-over: 1 % of the events a day or two late, 0.5 % twice (the same day or the next), times in various zones.
CREATE MACRO lag(k) AS (u('late', k) < 0.01)::BIGINT + (u('late', k) < 0.005)::BIGINT;
CREATE MACRO again(k) AS CASE WHEN lag(k) > 0 OR u('again', k) >= 0.005 THEN [] WHEN u('again', k) < 0.0025 THEN [0] ELSE [1] END;
CREATE MACRO days_handed(t, k) AS list_transform([lag(k)] || again(k), lambda x: day(t) + x);
CREATE MACRO is_handed(t, k, a, b) AS day(t) + lag(k) <= b AND day(t) + lag(k) + (u('again', k) < 0.005)::BIGINT >= a;
CREATE MACRO written(t, k) AS rfc3339(t, oneof([0, 0, 0, 0, 1, 1, 2, 9, -5], u('zone', k)));

-- Customers, numbered as they register: 2 x $scale in the first 400 days, then $scale in 500 days.
CREATE MACRO customer_id(i) AS printf('c%06d', i);
CREATE MACRO joined(i) AS CASE WHEN i < 2 * $scale THEN $opening + i * 200 // $scale
                               ELSE $opening + 400 + (i - 2 * $scale) * 500 // $scale END;
CREATE MACRO customers_by(n) AS 2 * $scale + ($scale * (n - $opening - 399) + 499) // 500;
CREATE MACRO given(i) AS oneof(['Ada', 'Ben', 'Chloe', 'Daan', 'Emma', 'Finn', 'Greta', 'Hugo', 'Iris', 'Jonas', 'Kim',
    'Lena', 'Milan', 'Noor', 'Otto', 'Paula'], u('given', i));
CREATE MACRO family(i) AS oneof(['Aerts', 'Bakker', 'Claes', 'Dubois', 'Engel', 'Fischer', 'Graf', 'Hendriks', 'Jansen',
    'Keller', 'Lambert', 'Meyer', 'Peeters', 'Roux', 'Smit', 'Vogel'], u('family', i));
CREATE MACRO email(i) AS lower(given(i) || '.' || family(i)) || '.' || i || '@example.org';
CREATE MACRO phone(i) AS CASE WHEN u('phone', i) < 0.7 THEN printf('+%d', 31600000000 + upto(90000000, u('dial', i))) END;

-- Each customer moves every 150 to 250 days, within the region.
CREATE MACRO moved(i, n) AS greatest(joined(i), n - (n + upto(250, u('settled', i))) % (150 + upto(101, u('stay', i))));
CREATE MACRO region(i) AS upto(6, u('region', i));
CREATE MACRO region_name(g) AS ['NL-North', 'NL-South', 'DE-West', 'DE-East', 'BE-Flanders', 'FR-North'][1 + g];
CREATE MACRO address(i, since) AS {
    street: oneof(['Market Street', 'Mill Lane', 'Station Road', 'Church Way', 'Harbour Quay', 'Garden Row', 'Kings Road',
                   'Linden Avenue', 'Canal Walk', 'School Hill'], u('street', i * 100003 + since))
            || ' ' || (1 + upto(180, u('house', i * 100003 + since))),
    city: oneof([['Groningen', 'Zwolle', 'Assen'], ['Breda', 'Tilburg', 'Maastricht'], ['Cologne', 'Essen', 'Aachen'],
                 ['Leipzig', 'Dresden', 'Erfurt'], ['Ghent', 'Antwerp', 'Bruges'], ['Lille', 'Amiens', 'Arras']
                ][1 + region(i)], u('city', i * 100003 + since)),
    country: region_name(region(i))[:2]};

-- 60 % take the newsletter on one topic, on and off for 120 to 360 days each. Every third day is a campaign, the topics in turn.
CREATE MACRO is_reader(i) AS u('reader', i) < 0.6;
CREATE MACRO mood(i) AS 120 + upto(241, u('mood', i));
CREATE MACRO swing(i, n) AS n + upto(720, u('swing', i));
CREATE MACRO toggled(i, n) AS greatest(joined(i), n - swing(i, n) % mood(i));
CREATE MACRO is_keen(i, n) AS swing(i, n) // mood(i) % 2 = 0;
CREATE MACRO subscribed(i, n) AS joined(i) <= n AND is_reader(i) AND is_keen(i, n);
CREATE MACRO topic(i) AS upto(4, u('topic', i));
CREATE MACRO topic_name(i) AS ['deals', 'home', 'outdoor', 'family'][1 + topic(i)];
CREATE MACRO campaign_before(i, n) AS n - 1 - (n - 1 - 3 * topic(i)) % 12;
CREATE MACRO campaigned(i, n) AS n - campaign_before(i, n) <= 7 AND subscribed(i, campaign_before(i, n) - 1);
CREATE MACRO campaign_id(n) AS ['winter', 'spring', 'summer', 'autumn'][1 + month(epoch_ms(n * 86400000)) % 12 // 3]
    || '-' || utc_day(n * 86400000);

-- Goods and carriers. A SKU keeps its price. Slow carriers promise four days, the others three, and one more to far regions.
CREATE MACRO category(p) AS
    ['books', 'games', 'garden', 'kitchen', 'beauty', 'sports', 'toys', 'electronics'][1 + p // 200];
CREATE MACRO sku(p) AS printf('%s-%03d', category(p), p % 200);
CREATE MACRO price(p) AS [800, 1500, 500, 800, 400, 1000, 500, 1500][1 + p // 200]
    + upto([2200, 4500, 5500, 5200, 2100, 5000, 3000, 7500][1 + p // 200], u('price', p));
CREATE MACRO carrier(number) AS 1 + upto(4, u('carrier', number));
CREATE MACRO journey_days(c, r) AS 1 + 4 * [r * r * r, r * r, r * r, r][c];
CREATE MACRO promised_days(c, g) AS CASE WHEN c > 2 OR g > 3 THEN 4 ELSE 3 END;

CREATE TABLE frauds AS  -- a handful of customers a week: a new address, then within 3 days an order of 8 to 16 usual ones
SELECT i, changed_at, placed_at, size, day(placed_at) AS n,
       $stride * (n - $opening) + $stride - 1 - w % 2 * $weekly - slot AS number
FROM (SELECT w, slot, w * $weekly + slot AS k, upto(customers_by(w * 7 - 1) // 5, u('victim', k)) AS i,
             instant(w * 7, 7 * u('break-in', k)) AS changed_at,
             changed_at + 7200000 + upto(230400000, u('haste', k)) AS placed_at, 8 + 8 * u('greed', k) AS size
      FROM range(($opening + 400) // 7, $last // 7 + 1) AS weeks(w), range($weekly) AS slots(slot));

CREATE MACRO victims(a, b) AS TABLE FROM frauds WHERE day(changed_at) BETWEEN a AND b;

CREATE MACRO customers(a, b) AS TABLE  -- every customer on each of the days a to b
SELECT i, n, joined(i) AS joined, moved(i, n) AS moved, toggled(i, n) AS toggled
FROM (SELECT unnest(range(a, b + 1)) AS n), range(customers_by($last)) AS everyone(i) WHERE joined(i) <= n;

CREATE MACRO orders(a, b) AS TABLE  -- placed on the days a to b, with everything that will happen to them
WITH placed AS (
    SELECT n, $stride * (n - $opening) + slot AS number, NULL AS thief, NULL AS size,
           instant(n, (u('hour', number) + u('minute', number)) / 2) AS placed_at
    FROM (SELECT unnest(range(a, b + 1)) AS n), range($scale * 11 // 10) AS slots(slot)
    WHERE slot < round($scale * [1.0, 1.05, 1.1, 1.0, 0.95, 0.95, 0.95][1 + n % 7])
    UNION ALL SELECT n, number, i, size, placed_at FROM frauds WHERE n BETWEEN a AND b
)
SELECT *, carrier(number) AS c, u('cancel', number) < 0.04 AS is_cancelled, u('return', number) < 0.0625 AS is_returned,
    oneof(['changed mind', 'out of stock', 'payment failed'], u('reason', number)) AS reason,
    CASE WHEN NOT is_cancelled OR reason <> 'payment failed'
         THEN placed_at + 5000 + upto(900000, u('pay', number)) END AS paid_at,
    CASE WHEN is_cancelled THEN placed_at + 1200000 + upto(82800000, u('regret', number)) END AS cancelled_at,
    CASE WHEN NOT is_cancelled THEN placed_at + 3600000 + upto(165600000, u('pack', number)) END AS shipped_at,
    shipped_at + upto(86400000, journey_days(c, u('drive', number))) AS delivered_at,
    CASE WHEN is_returned THEN delivered_at + 259200000 + upto(1468800000, u('send back', number)) END AS returned_at
FROM placed;

CREATE MACRO detailed_orders(due) AS TABLE  -- who buys what: regular customers four times as often, campaigned ones gladly
SELECT *, region(buyer) AS g,
    list_sum(list_transform(items, lambda l: l.quantity * price(l.product)))::BIGINT AS total
FROM (SELECT *,
        coalesce(thief, CASE WHEN u('persuaded', number) < 0.4 AND campaigned(other, n) AND NOT campaigned(one, n)
                             THEN other ELSE one END) AS buyer,
        list_transform(products, lambda p, x: {product: p, quantity:
            CASE WHEN size IS NULL THEN 1 + upto(3, u('quantity', number * 4 + x) * u('spare', number * 4 + x))
                 ELSE greatest(2, CAST(round(size * $basket / len(products) / price(p)) AS BIGINT)) END}) AS items
    FROM (SELECT *,
            upto(customers_by(n - 1), u('buyer', number) * (0.25 + 0.75 * u('buyer', number) * u('buyer', number))) AS one,
            upto(customers_by(n - 1), u('other', number) * (0.25 + 0.75 * u('other', number) * u('other', number))) AS other,
            list_transform(range(1 + upto(4, u('lines', number) * u('more', number))),
                           lambda x: upto(1600, u('product', number * 4 + x))) AS products
        FROM query_table(due)));

CREATE MACRO detailed_customers(due) AS TABLE SELECT *, address(i, day(t)) AS home FROM query_table(due);
