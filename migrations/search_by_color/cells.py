"""SQL: where in the plane of a* and b* colours near a given one can be.

The square of CIEDE2000 is (ΔL'/SL)² and a rest that depends on a* and b* alone. The plane is cut
into cells, each colour is stored with the number of its cell, and for a query each cell is given
the least that the rest can be in it: interval arithmetic, which misses nothing.
"""

from __future__ import annotations

# Cells are about as wide for the eye everywhere: rings of chroma that grow with S_C = 1 + 0.045 C*,
# cut into as many arcs as S_H = 1 + 0.015 C* leaves. Both functions are small enough for the
# planner to write them into what calls them.
RING_FROM = """
CREATE FUNCTION color_ring_from(ring int) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN ring > 42 THEN 1e4 ELSE (exp(0.054::float8 * ring) - 1) / 0.045::float8 END
$$
"""
RING_ARCS = """
CREATE FUNCTION color_ring_arcs(ring int) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN ring = 0 THEN 1
            ELSE ceil(5.2::float8 / (0.045::float8 / (exp(0.054::float8 * ring) - 1)
                                     + 0.015::float8))::int END
$$
"""
CELL = """
CREATE FUNCTION color_cell(a float8, b float8) RETURNS smallint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    ring CONSTANT int := least(42, floor(ln(1 + 0.045::float8 * sqrt(a * a + b * b))
                                         / 0.054::float8));
    arcs CONSTANT int := color_ring_arcs(ring);
    hue CONSTANT float8 := atan2d(b, a) + CASE WHEN b < 0 THEN 360 ELSE 0 END;
BEGIN
    RETURN ring * 512 + least(arcs - 1, floor(hue * arcs / 360));
END $$
"""

# Every quantity of the formula between its bounds over an arc of a ring. OFFSET 0 keeps
# the planner from writing each step into the next, which would repeat it.
GAP = """
CREATE FUNCTION color_gap(
    a float8, b float8, c_from float8, c_to float8, h_from float8, h_to float8
) RETURNS TABLE (gap float8)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
-- ΔC'² + ΔH'² - rotation · ΔC' · ΔH', where both are divided by their weights. Where they have
-- opposite signs the corner nearest to zero has the least; elsewhere an edge has, at the point
-- that the other term would choose, unless it lies beyond a corner.
SELECT CASE
    WHEN dc_from <= 0 AND dc_to >= 0 AND dh_from <= 0 AND dh_to >= 0 THEN 0
    WHEN opposite THEN least_c ^ 2 + least_h ^ 2 + rotation_from * least_c * least_h
    ELSE least(dc_from ^ 2 + h_from ^ 2 - rotation_to * dc_from * h_from,
               dc_to ^ 2 + h_to ^ 2 - rotation_to * dc_to * h_to,
               dh_from ^ 2 + c_from ^ 2 - rotation_to * dh_from * c_from,
               dh_to ^ 2 + c_to ^ 2 - rotation_to * dh_to * c_to) END
FROM (
    SELECT *, greatest(dc_from, -dc_to, 0) AS least_c, greatest(dh_from, -dh_to, 0) AS least_h,
           dc_from >= 0 AND dh_to <= 0 OR dc_to <= 0 AND dh_from >= 0 AS opposite,
           least(greatest(rotation_to * dc_from / 2, dh_from), dh_to) AS h_from,
           least(greatest(rotation_to * dc_to / 2, dh_from), dh_to) AS h_to,
           least(greatest(rotation_to * dh_from / 2, dc_from), dc_to) AS c_from,
           least(greatest(rotation_to * dh_to / 2, dc_from), dc_to) AS c_to
FROM (
    SELECT dc_from, dc_to,
           2 * sind(turn_from / 2)
               * CASE WHEN turn_from < 0 THEN sqrt(c1_to * c2_to) / s_from
                      ELSE sqrt(c1_from * c2_from) / s_to END AS dh_from,
           2 * sind(turn_to / 2)
               * CASE WHEN turn_to > 0 THEN sqrt(c1_to * c2_to) / s_from
                      ELSE sqrt(c1_from * c2_from) / s_to END AS dh_to,
           CASE WHEN off_blue + width > 85 THEN 0
                ELSE 2 * sind(60 * exp(-(((off_blue + width) / 25) ^ 2)))
                    * sqrt(power7_from / (power7_from + 6103515625)) END AS rotation_from,
           2 * sind(60 * exp(-((greatest(off_blue - width, 0) / 25) ^ 2)))
               * sqrt(power7_to / (power7_to + 6103515625)) AS rotation_to
FROM (
    -- T changes by at most 2.41 a radian, and lies between 0.07 and 1.93.
    SELECT *,
           1 + 0.0075::float8 * (c1_from + c2_from)
               * greatest(t - 0.0421::float8 * width, 0.07::float8) AS s_from,
           1 + 0.0075::float8 * (c1_to + c2_to)
               * least(t + 0.0421::float8 * width, 1.93::float8) AS s_to,
           least(abs(mean - 275), 360 - abs(mean - 275)) AS off_blue,
           ((c1_from + c2_from) / 2) ^ 7 AS power7_from,
           ((c1_to + c2_to) / 2) ^ 7 AS power7_to
FROM (
    SELECT *, 1 - 0.17::float8 * cosd(mean - 30) + 0.24::float8 * cosd(2 * mean)
                + 0.32::float8 * cosd(3 * mean + 6) - 0.20::float8 * cosd(4 * mean - 63) AS t
FROM (
    -- The mean hue is `mean`, give or take `width`.
    SELECT c1_from, c1_to, c2_from, c2_to,
           (c2_from - c1_to) / (1 + 0.0225::float8 * (c1_to + c2_from)) AS dc_from,
           (c2_to - c1_from) / (1 + 0.0225::float8 * (c1_from + c2_to)) AS dc_to,
           CASE WHEN around THEN -180 ELSE turn_from END AS turn_from,
           CASE WHEN around THEN 180 ELSE turn_to END AS turn_to,
           CASE WHEN around THEN 180 ELSE slip + (turn_to - turn_from) / 4 END AS width,
           CASE WHEN unwrapped < 0 THEN unwrapped + 360
                WHEN unwrapped >= 360 THEN unwrapped - 360 ELSE unwrapped END AS mean
FROM (
    -- Around the neutral axis, or with hues opposite to ours, any mean hue is possible.
    SELECT *, hue + (turn_from + turn_to) / 4 AS unwrapped,
           c_from = 0 OR h_to - h_from > 179 OR turn_to > 179.999999 OR turn_from < -179.999999
               OR turn_to - turn_from > 180 AS around
FROM (
    SELECT c1_from, c1_to, c2_from, c2_to, hue, slip,
           least(turn_1, turn_2, turn_3, turn_4) - slip - 1e-7::float8 AS turn_from,
           greatest(turn_1, turn_2, turn_3, turn_4) + slip + 1e-7::float8 AS turn_to
FROM (
    -- How far the ends of the arc are turned from our hue, and how far that itself moves.
    SELECT atan2d(b, mid) AS hue,
           sqrt((a * s_from) ^ 2 + b ^ 2) AS c1_from, sqrt((a * s_to) ^ 2 + b ^ 2) AS c1_to,
           c_from * sqrt(1 + (s_from ^ 2 - 1) * greatest(cos_2h - arc, -1) / 2
                           + (s_from ^ 2 - 1) / 2) AS c2_from,
           c_to * sqrt(1 + (s_to ^ 2 - 1) * least(cos_2h + arc, 1) / 2
                         + (s_to ^ 2 - 1) / 2) AS c2_to,
           greatest(abs(atan2d(mid * b - b * a * s_from, mid * a * s_from + b * b)),
                    abs(atan2d(mid * b - b * a * s_to, mid * a * s_to + b * b))) AS slip,
           atan2d(mid * y_from - b * x_from * s_from, mid * x_from * s_from + b * y_from) AS turn_1,
           atan2d(mid * y_from - b * x_from * s_to, mid * x_from * s_to + b * y_from) AS turn_2,
           atan2d(mid * y_to - b * x_to * s_from, mid * x_to * s_from + b * y_to) AS turn_3,
           atan2d(mid * y_to - b * x_to * s_to, mid * x_to * s_to + b * y_to) AS turn_4
FROM (
    SELECT *, a * (s_from + s_to) / 2 AS mid,
           cosd(h_from) AS x_from, sind(h_from) AS y_from, cosd(h_to) AS x_to, sind(h_to) AS y_to,
           cosd(h_from + h_to) AS cos_2h, radians(h_to - h_from) AS arc
FROM (
    -- a* is stretched by 1 + G, which falls as the mean chroma grows.
    SELECT 1.5::float8 - 0.5::float8 * sqrt(c_most ^ 7 / (c_most ^ 7 + 6103515625)) AS s_from,
           1.5::float8 - 0.5::float8 * sqrt(c_least ^ 7 / (c_least ^ 7 + 6103515625)) AS s_to
FROM (
    SELECT (sqrt(a ^ 2 + b ^ 2) + c_from) / 2 AS c_least,
           (sqrt(a ^ 2 + b ^ 2) + c_to) / 2 AS c_most
OFFSET 0) chromas OFFSET 0) stretches OFFSET 0) stretched OFFSET 0) turns OFFSET 0) turned
OFFSET 0) wrapped OFFSET 0) hues OFFSET 0) weights OFFSET 0) weighted OFFSET 0) terms
OFFSET 0) bounds
$$
"""

# Sectors of 15° and three rings first, then the cells of those that are near. What is left of
# the tolerance after a* and b* bounds lightness: ΔL' ≤ rest · SL, and SL is largest at one end of
# the lightnesses that SL ≤ 1.75 leaves. The margin of 1e-6 covers the rounding of all this.
CELLS = """
CREATE FUNCTION color_cells(l float8, a float8, b float8, tolerance float8)
RETURNS TABLE (cell smallint, l_from float8, l_to float8)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 400 COST 10000
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
    reach CONSTANT float8 := (tolerance + 1e-9::float8) ^ 2 + 1e-6::float8;
BEGIN
    RETURN QUERY
    SELECT bounded.cell,
           l - rest * (1 + 0.015::float8 * greatest(off ^ 2 / sqrt(20 + off ^ 2),
                                                   below ^ 2 / sqrt(20 + below ^ 2))),
           l + rest * (1 + 0.015::float8 * greatest(off ^ 2 / sqrt(20 + off ^ 2),
                                                   above ^ 2 / sqrt(20 + above ^ 2)))
    FROM (
        -- The mean lightness, from 50, that the first bound allows allows a closer one.
        SELECT first.cell, first.rest, first.off,
               off - rest / 2 * (1 + 0.015::float8 * greatest(off ^ 2 / sqrt(20 + off ^ 2),
                                                             below ^ 2 / sqrt(20 + below ^ 2)))
                   AS below,
               off + rest / 2 * (1 + 0.015::float8 * greatest(off ^ 2 / sqrt(20 + off ^ 2),
                                                             above ^ 2 / sqrt(20 + above ^ 2)))
                   AS above
        FROM (SELECT near.cell, near.rest, l - 50 AS off,
                     l - 50 - 0.875::float8 * near.rest AS below,
                     l - 50 + 0.875::float8 * near.rest AS above
        FROM (
            SELECT (ring * 512 + arc)::smallint AS cell, sqrt(reach - near.gap) AS rest
            FROM generate_series(0, 42, 3) rings, generate_series(0, 23) sector,
                 LATERAL color_gap(
                     a, b, color_ring_from(rings), color_ring_from(rings + 3),
                     sector * 15::float8 - 360.0::float8 / color_ring_arcs(rings),
                     (sector + 1) * 15::float8) far,
                 LATERAL (SELECT ring, color_ring_arcs(ring) AS arcs
                          FROM generate_series(rings, least(rings + 2, 42)) ring OFFSET 0) one,
                 LATERAL generate_series(sector * arcs / 24, (sector + 1) * arcs / 24 - 1) arc,
                 LATERAL color_gap(
                     a, b, color_ring_from(ring), color_ring_from(ring + 1),
                     arc * 360.0::float8 / arcs, (arc + 1) * 360.0::float8 / arcs) near
            WHERE far.gap <= reach AND near.gap <= reach
        OFFSET 0) near OFFSET 0) first
    OFFSET 0) bounded;
END $$
"""
