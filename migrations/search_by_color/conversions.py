"""SQL: between `#rrggbb` and CIE L*a*b*, and CIEDE2000.

The steps and numbers are those of analysis/colors/conversion.py and difference.py.
"""

from __future__ import annotations

HEX_TO_LAB = """
CREATE FUNCTION hex_to_lab(hex text, OUT lab_l float8, OUT lab_a float8, OUT lab_b float8)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    digits text := lower(ltrim(btrim(hex), '#'));
    rgb float8[] := ARRAY[0, 0, 0];
    relative float8[] := ARRAY[0, 0, 0];
    channel float8;
BEGIN
    IF hex IS NULL OR hex !~ '^\\s*#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})\\s*$' THEN
        RAISE invalid_parameter_value USING MESSAGE =
            format('"%s" is not a colour: write it as #rrggbb, such as #8a2be2', hex);
    END IF;
    IF length(digits) = 3 THEN
        digits := regexp_replace(digits, '(.)', '\\1\\1', 'g');
    END IF;
    FOR n IN 1..3 LOOP
        channel := get_byte(decode(digits, 'hex'), n - 1) / 255.0::float8;
        rgb[n] := CASE WHEN channel <= 0.04045 THEN channel / 12.92
                       ELSE ((channel + 0.055) / 1.055) ^ 2.4::float8 END;
    END LOOP;
    relative[1] := (rgb[1] * 0.4124564 + rgb[2] * 0.3575761 + rgb[3] * 0.1804375) / 0.9504700;
    relative[2] := (rgb[1] * 0.2126729 + rgb[2] * 0.7151522 + rgb[3] * 0.0721750) / 1.0000001;
    relative[3] := (rgb[1] * 0.0193339 + rgb[2] * 0.1191920 + rgb[3] * 0.9503041) / 1.0888300;
    FOR n IN 1..3 LOOP
        relative[n] := CASE WHEN relative[n] > (6 / 29::float8) ^ 3 THEN cbrt(relative[n])
                            ELSE relative[n] * (841 / 108::float8) + 4 / 29::float8 END;
    END LOOP;
    lab_l := 116 * relative[2] - 16;
    lab_a := 500 * (relative[1] - relative[2]);
    lab_b := 200 * (relative[2] - relative[3]);
END $$
"""

LAB_TO_HEX = """
CREATE FUNCTION lab_to_hex(lab_l float8, lab_a float8, lab_b float8) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    middle CONSTANT float8 := (lab_l + 16) / 116;
    relative float8[] := ARRAY[middle + lab_a / 500, middle, middle - lab_b / 200];
    rgb float8[];
    written text := '#';
BEGIN
    FOR n IN 1..3 LOOP
        relative[n] := CASE WHEN relative[n] > 6 / 29::float8 THEN relative[n] ^ 3
                            ELSE (relative[n] - 4 / 29::float8) * (108 / 841::float8) END;
    END LOOP;
    relative[1] := relative[1] * 0.9504700;
    relative[2] := relative[2] * 1.0000001;
    relative[3] := relative[3] * 1.0888300;
    rgb := ARRAY[
        3.2404548360214087 * relative[1] - 1.5371388501025751 * relative[2]
            - 0.498531546868481 * relative[3],
        -0.9692663898756538 * relative[1] + 1.876010928842491 * relative[2]
            + 0.04155608234667355 * relative[3],
        0.05564341960421367 * relative[1] - 0.20402585426769818 * relative[2]
            + 1.057225162457929 * relative[3]];
    FOR n IN 1..3 LOOP
        rgb[n] := CASE WHEN rgb[n] <= 0.0031308 THEN rgb[n] * 12.92
                       ELSE 1.055 * rgb[n] ^ (1 / 2.4::float8) - 0.055 END;
        written := written
            || lpad(to_hex(round(least(greatest(rgb[n], 0), 1) * 255)::int), 2, '0');
    END LOOP;
    RETURN written;
END $$
"""

CIEDE2000 = """
CREATE FUNCTION ciede2000(
    l1 float8, a1 float8, b1 float8, l2 float8, a2 float8, b2 float8
) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 40 AS $$
DECLARE
    power7 float8 := ((sqrt(a1 * a1 + b1 * b1) + sqrt(a2 * a2 + b2 * b2)) / 2) ^ 7;
    stretch CONSTANT float8 := 1.5::float8 - 0.5::float8 * sqrt(power7 / (power7 + 6103515625));
    c1 CONSTANT float8 := sqrt((a1 * stretch) ^ 2 + b1 * b1);
    c2 CONSTANT float8 := sqrt((a2 * stretch) ^ 2 + b2 * b2);
    mean_c CONSTANT float8 := (c1 + c2) / 2;
    off_middle CONSTANT float8 := (l1 + l2) / 2 - 50;
    h1 float8 := atan2d(b1, a1 * stretch);
    h2 float8 := atan2d(b2, a2 * stretch);
    turn float8;
    mean_h float8;
    d_l float8;
    d_c float8;
    d_h float8;
BEGIN
    h1 := CASE WHEN h1 < 0 THEN h1 + 360 ELSE h1 END;
    h2 := CASE WHEN h2 < 0 THEN h2 + 360 ELSE h2 END;
    turn := h2 - h1;
    IF c1 * c2 = 0 THEN
        turn := 0;
        mean_h := h1 + h2;
    ELSIF abs(turn) <= 180 + 1e-9::float8 THEN
        mean_h := (h1 + h2) / 2;
    ELSE
        turn := turn - 360 * sign(turn);
        mean_h := (h1 + h2 + CASE WHEN h1 + h2 < 360 THEN 360 ELSE -360 END) / 2;
    END IF;
    d_l := (l2 - l1) / (1 + 0.015::float8 * off_middle ^ 2 / sqrt(20 + off_middle ^ 2));
    d_c := (c2 - c1) / (1 + 0.045::float8 * mean_c);
    d_h := 2 * sqrt(c1 * c2) * sind(turn / 2) / (1 + 0.015::float8 * mean_c * (
        1 - 0.17::float8 * cosd(mean_h - 30) + 0.24::float8 * cosd(2 * mean_h)
        + 0.32::float8 * cosd(3 * mean_h + 6) - 0.20::float8 * cosd(4 * mean_h - 63)));
    power7 := mean_c ^ 7;
    RETURN sqrt(greatest(0, d_l ^ 2 + d_c ^ 2 + d_h ^ 2
        - 2 * sind(60 * exp(-(((mean_h - 275) / 25) ^ 2)))
          * sqrt(power7 / (power7 + 6103515625)) * d_c * d_h));
END $$
"""
