//! The British National Grid (EPSG:27700) and degrees on WGS 84, both ways.
//!
//! The projection is the transverse Mercator of "A guide to coordinate systems in Great Britain" (Ordnance Survey), the
//! step between the two earth figures its seven-parameter Helmert transformation, which is within a few metres of the
//! definitive OSTN15 (the tests say how far at Ordnance Survey's own points). That is below the width of a street; the
//! exact transformation needs a table of 15 MB.

/// Airy 1830 and WGS 84 (GRS 80): half axes in metres.
const AIRY: (f64, f64) = (6_377_563.396, 6_356_256.909);
const WGS84: (f64, f64) = (6_378_137.0, 6_356_752.314_140);
/// Scale on the central meridian, true origin in degrees, and its grid coordinates in metres.
const SCALE: f64 = 0.999_601_271_7;
const ORIGIN: (f64, f64) = (49.0, -2.0);
const ORIGIN_GRID: (f64, f64) = (400_000.0, -100_000.0);
/// WGS 84 to OSGB 36: metres, parts in one, seconds of arc.
const SHIFT: [f64; 3] = [-446.448, 125.157, -542.060];
const STRETCH: f64 = 20.489_4e-6;
const TURN: [f64; 3] = [-0.1502, -0.2470, -0.8421];

/// The extent of the grid in metres.
const EAST: f64 = 700_000.0;
const NORTH: f64 = 1_300_000.0;

/// Degrees north and east (WGS 84) of a point of so many metres east and north on the grid; none off the grid.
pub(super) fn to_degrees(east: f64, north: f64) -> Option<(f64, f64)> {
    if !((0.0..EAST).contains(&east) && (0.0..NORTH).contains(&north)) {
        return None;
    }
    let (lat, lon) = unproject(east, north);
    let (lat, lon) = of_cartesian(turn_back(cartesian(lat, lon, AIRY)), WGS84);
    Some((lat.to_degrees(), lon.to_degrees()))
}

/// Metres east and north on the grid of a point in degrees (WGS 84).
#[cfg(test)]
fn of_degrees(lat: f64, lon: f64) -> (f64, f64) {
    let (lat, lon) = of_cartesian(turn(cartesian(lat.to_radians(), lon.to_radians(), WGS84)), AIRY);
    project(lat, lon)
}

fn eccentricity2((a, b): (f64, f64)) -> f64 {
    (a * a - b * b) / (a * a)
}

fn cartesian(lat: f64, lon: f64, axes: (f64, f64)) -> [f64; 3] {
    let e2 = eccentricity2(axes);
    let nu = axes.0 / (1.0 - e2 * lat.sin().powi(2)).sqrt();
    [nu * lat.cos() * lon.cos(), nu * lat.cos() * lon.sin(), (1.0 - e2) * nu * lat.sin()]
}

fn of_cartesian([x, y, z]: [f64; 3], axes: (f64, f64)) -> (f64, f64) {
    let e2 = eccentricity2(axes);
    let p = x.hypot(y);
    let mut lat = z.atan2(p * (1.0 - e2));
    // Each round gains two or three digits; from here eight are enough for a tenth of a millimetre.
    for _ in 0..8 {
        let nu = axes.0 / (1.0 - e2 * lat.sin().powi(2)).sqrt();
        lat = (z + e2 * nu * lat.sin()).atan2(p);
    }
    (lat, y.atan2(x))
}

#[cfg(test)]
fn turn(from: [f64; 3]) -> [f64; 3] {
    helmert(from, 1.0)
}

/// The way back, with the signs turned: exact to a few millimetres.
fn turn_back(from: [f64; 3]) -> [f64; 3] {
    helmert(from, -1.0)
}

fn helmert([x, y, z]: [f64; 3], sign: f64) -> [f64; 3] {
    let [rx, ry, rz] = TURN.map(|seconds| sign * (seconds / 3_600.0).to_radians());
    let [tx, ty, tz] = SHIFT.map(|metres| sign * metres);
    let s = 1.0 + sign * STRETCH;
    [tx + s * x - rz * y + ry * z, ty + rz * x + s * y - rx * z, tz - ry * x + rx * y + s * z]
}

/// Developed arc of the meridian from the true origin, in metres.
fn meridian(lat: f64) -> f64 {
    let (a, b) = AIRY;
    let n = (a - b) / (a + b);
    let (n2, n3) = (n * n, n * n * n);
    let origin = ORIGIN.0.to_radians();
    let (d, s) = (lat - origin, lat + origin);
    b * SCALE
        * ((1.0 + n + 1.25 * (n2 + n3)) * d - (3.0 * (n + n2) + 2.625 * n3) * d.sin() * s.cos()
            + 1.875 * (n2 + n3) * (2.0 * d).sin() * (2.0 * s).cos()
            - 35.0 / 24.0 * n3 * (3.0 * d).sin() * (3.0 * s).cos())
}

/// Radii of curvature (transverse and meridional, scaled) and their ratio less one.
fn radii(lat: f64) -> (f64, f64, f64) {
    let e2 = eccentricity2(AIRY);
    let bend = 1.0 - e2 * lat.sin().powi(2);
    let nu = AIRY.0 * SCALE / bend.sqrt();
    let rho = AIRY.0 * SCALE * (1.0 - e2) / bend.powf(1.5);
    (nu, rho, nu / rho - 1.0)
}

#[cfg(test)]
fn project(lat: f64, lon: f64) -> (f64, f64) {
    let (nu, rho, eta2) = radii(lat);
    let (sin, cos, tan2) = (lat.sin(), lat.cos(), lat.tan().powi(2));
    let i = meridian(lat) + ORIGIN_GRID.1;
    let ii = nu / 2.0 * sin * cos;
    let iii = nu / 24.0 * sin * cos.powi(3) * (5.0 - tan2 + 9.0 * eta2);
    let iiia = nu / 720.0 * sin * cos.powi(5) * (61.0 - 58.0 * tan2 + tan2 * tan2);
    let iv = nu * cos;
    let v = nu / 6.0 * cos.powi(3) * (nu / rho - tan2);
    let vi = nu / 120.0 * cos.powi(5) * (5.0 - 18.0 * tan2 + tan2 * tan2 + 14.0 * eta2 - 58.0 * tan2 * eta2);
    let d = lon - ORIGIN.1.to_radians();
    (ORIGIN_GRID.0 + iv * d + v * d.powi(3) + vi * d.powi(5), i + ii * d.powi(2) + iii * d.powi(4) + iiia * d.powi(6))
}

fn unproject(east: f64, north: f64) -> (f64, f64) {
    let mut lat = ORIGIN.0.to_radians();
    for _ in 0..12 {
        let left = north - ORIGIN_GRID.1 - meridian(lat);
        lat += left / (AIRY.0 * SCALE);
        if left.abs() < 1e-5 {
            break;
        }
    }
    let (nu, rho, eta2) = radii(lat);
    let (tan, sec) = (lat.tan(), 1.0 / lat.cos());
    let tan2 = tan * tan;
    let vii = tan / (2.0 * rho * nu);
    let viii = tan / (24.0 * rho * nu.powi(3)) * (5.0 + 3.0 * tan2 + eta2 - 9.0 * tan2 * eta2);
    let ix = tan / (720.0 * rho * nu.powi(5)) * (61.0 + 90.0 * tan2 + 45.0 * tan2 * tan2);
    let x = sec / nu;
    let xi = sec / (6.0 * nu.powi(3)) * (nu / rho + 2.0 * tan2);
    let xii = sec / (120.0 * nu.powi(5)) * (5.0 + 28.0 * tan2 + 24.0 * tan2 * tan2);
    let xiia = sec / (5040.0 * nu.powi(7)) * (61.0 + 662.0 * tan2 + 1320.0 * tan2 * tan2 + 720.0 * tan2.powi(3));
    let d = east - ORIGIN_GRID.0;
    (
        lat - vii * d.powi(2) + viii * d.powi(4) - ix * d.powi(6),
        ORIGIN.1.to_radians() + x * d - xi * d.powi(3) + xii * d.powi(5) - xiia * d.powi(7),
    )
}

/// Metres east and north of the middle of the square that two letters and an even number of digits name (`TQ`,
/// `12345678`), and half the square's side; none where there is no such square.
pub(super) fn square(letters: &str, digits: &str) -> Option<(f64, f64, f64)> {
    let place = |letter: u8| {
        let at = (letter.to_ascii_uppercase().checked_sub(b'A')?) as u32;
        // There is no I.
        (at < 26 && at != 8).then_some(if at > 8 { at - 1 } else { at })
    };
    let &[first, second] = letters.as_bytes() else { return None };
    let (first, second) = (place(first)?, place(second)?);
    // 500 km squares, five in a row from the north-west; the false origin lies two east and three south of A's row.
    let east = i64::from(first % 5 * 5 + second % 5) - 10;
    let north = 19 - i64::from(first / 5 * 5 + second / 5);
    let half = digits.len() / 2;
    if !digits.len().is_multiple_of(2) || !(1..=5).contains(&half) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let side = 10_f64.powi(5 - half as i32);
    let metres = |digits: &str| digits.parse::<u32>().ok().map(|n| f64::from(n) * side + side / 2.0);
    let (east, north) =
        (east as f64 * 100_000.0 + metres(&digits[..half])?, north as f64 * 100_000.0 + metres(&digits[half..])?);
    ((0.0..EAST).contains(&east) && (0.0..NORTH).contains(&north)).then_some((east, north, side / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::place::distance_m;

    /// Ordnance Survey's published test points for OSTN15: degrees (ETRS89, which is WGS 84 to within a metre) and metres
    /// on the grid. The first is the worked example of the guide (Caister water tower).
    const POINTS: [(f64, f64, f64, f64); 9] = [
        (52.658_007_833, 1.716_073_973, 651_409.804, 313_177.450),
        (50.931_279_38, -1.450_514_34, 438_710.920, 114_792.250),
        (51.489_365_65, -0.119_925_57, 530_624.974, 178_388.464),
        (51.427_547_43, -2.544_076_18, 362_269.991, 169_978.690),
        (52.255_293_82, -2.154_586_14, 389_544.190, 261_912.153),
        (52.251_609_51, -0.912_489_57, 474_335.969, 262_047.755),
        (52.962_191_09, -1.197_476_56, 454_002.834, 340_834.943),
        (53.800_215_20, -1.663_791_68, 422_242.186, 433_818.701),
        (57.486_250_01, -4.219_263_99, 267_056.768, 846_176.972),
    ];

    #[test]
    fn the_grid_agrees_with_the_published_points_to_within_five_metres_both_ways() {
        for (lat, lon, east, north) in POINTS {
            let (found_lat, found_lon) = to_degrees(east, north).unwrap();
            let off = distance_m(lat, lon, found_lat, found_lon);
            let (e, n) = of_degrees(lat, lon);
            let back = (e - east).hypot(n - north);
            println!("{east} {north}: {off:.2} m to degrees, {back:.2} m to the grid");
            assert!(off < 5.0 && back < 5.0, "{east} {north}: {off} {back}");
        }
    }

    #[test]
    fn the_projection_alone_agrees_with_the_worked_example_to_a_millimetre() {
        let (lat, lon) = ((52.0 + 39.0 / 60.0 + 27.2531 / 3600.0_f64), (1.0 + 43.0 / 60.0 + 4.5177 / 3600.0_f64));
        let (east, north) = project(lat.to_radians(), lon.to_radians());
        assert!((east - 651_409.903).abs() < 0.002 && (north - 313_177.270).abs() < 0.002, "{east} {north}");
        let (back_lat, back_lon) = unproject(651_409.903, 313_177.270);
        assert!((back_lat.to_degrees() - lat).abs() < 1e-8 && (back_lon.to_degrees() - lon).abs() < 1e-8);
    }

    #[test]
    fn what_is_off_the_grid_is_no_point() {
        for (east, north) in [(-1.0, 0.0), (700_000.0, 1.0), (1.0, 1_300_000.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)]
        {
            assert_eq!(to_degrees(east, north), None, "{east} {north}");
        }
    }

    #[test]
    fn two_letters_and_digits_are_the_middle_of_a_square() {
        assert_eq!(square("TQ", "123456"), Some((512_350.0, 145_650.0, 50.0)));
        assert_eq!(square("TG", "5140913177"), Some((651_409.5, 313_177.5, 0.5)));
        assert_eq!(square("SV", "00"), Some((5_000.0, 5_000.0, 5_000.0)));
        assert_eq!(square("hp", "1234"), Some((412_500.0, 1_234_500.0, 500.0)), "Shetland");
        for (letters, digits) in
            [("TI", "1234"), ("AA", "1234"), ("T", "1234"), ("TQ", "123"), ("TQ", ""), ("ZZ", "12")]
        {
            assert_eq!(square(letters, digits), None, "{letters} {digits}");
        }
    }
}
