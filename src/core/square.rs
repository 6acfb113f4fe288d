//! Squares of a net over the country: what lies near each other is looked for in a square and the eight around it.

use super::place::Point;

/// Height of a square in degrees of latitude: 501 m.
pub const HEIGHT: f64 = 0.0045;
/// Width in degrees of longitude: 557 m in Cornwall, 417 m in Shetland.
pub const WIDTH: f64 = 0.0078;
/// More columns than there are around the earth.
const COLUMNS: i64 = 100_000;

/// What lies within so many metres of a point of the United Kingdom is in its square or one of the eight around it.
pub const REACH_M: f64 = 400.0;

/// The number of the square a point lies in.
#[must_use]
pub fn of(point: Point) -> i64 {
    number(place(point))
}

/// The squares within reach of a point: its own first, then the eight around it.
#[must_use]
pub fn around(point: Point) -> [i64; 9] {
    let (row, column) = place(point);
    let steps = [(0, 0), (-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)];
    steps.map(|(down, along)| number((row + down, column + along)))
}

/// Row and column. A point is within 90 and 180 degrees, so both are small.
fn place(point: Point) -> (i64, i64) {
    (((point.lat() + 90.0) / HEIGHT).floor() as i64, ((point.lon() + 180.0) / WIDTH).floor() as i64)
}

const fn number((row, column): (i64, i64)) -> i64 {
    row * COLUMNS + column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_within_reach_is_in_the_nine_squares() {
        for (lat, lon) in
            [(49.96, -5.2), (51.5, -0.1), (51.5, 0.0), (54.6, -5.9), (60.84, -0.87), (51.502_49, 0.000_01)]
        {
            let here = Point::new(lat, lon).unwrap();
            let squares = around(here);
            for degree in 0..360 {
                let angle = f64::from(degree).to_radians();
                let north = REACH_M / 111_195.0 * angle.cos();
                let east = REACH_M / 111_195.0 / lat.to_radians().cos() * angle.sin();
                let there = Point::new(lat + north, lon + east).unwrap();
                assert!(squares.contains(&of(there)), "{here} and {there}");
            }
        }
    }

    #[test]
    fn no_two_squares_share_a_number() {
        let all: Vec<i64> = [(0.0, 179.99), (0.0045, -179.99), (0.0, -179.99), (-0.0045, 179.99)]
            .map(|(lat, lon)| of(Point::new(lat, lon).unwrap()))
            .to_vec();
        let mut once = all.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), all.len());
    }
}
