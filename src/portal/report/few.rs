//! Small numbers in tables of two ways, such as ward by service: what is left out must not be found by taking what is shown from the sums
//! of rows and columns, which other tables of the same report show.

use super::table::FEW;

/// Which numbers of a column are left out: those from 1 up to below five, and as many of the next larger ones as it takes that none of
/// the small ones is certain to who knows the sum of the column, and that a small one is at least 1 and a larger one at least five.
pub(super) fn of_one_way(counts: &[usize]) -> Vec<bool> {
    let mut hidden: Vec<bool> = counts.iter().map(|n| is_few(*n)).collect();
    let few: Vec<usize> = counts.iter().copied().filter(|n| is_few(*n)).collect();
    let sum: usize = few.iter().sum();
    // One alone is the rest of the sum; so are several that are all as small or all as large as they can be.
    let mut certain = few.len() == 1 || sum == few.len() || sum == few.len() * (FEW - 1);
    let mut larger: Vec<usize> = (0..counts.len()).filter(|at| counts[*at] >= FEW).collect();
    larger.sort_by_key(|at| counts[*at]);
    for next in larger.into_iter().filter(|_| !few.is_empty()) {
        if !certain {
            break;
        }
        hidden[next] = true;
        // The larger ones come smallest first: where this one is five, all that are left out are as small as they can be.
        certain = sum == few.len() && counts[next] == FEW;
    }
    hidden
}

/// Which numbers of a table of two ways are left out. A row or column whose sum is left out elsewhere is left out whole. Each small number
/// is the corner of a rectangle of numbers left out, in which one can be taken to be larger and its neighbours smaller with the same sums:
/// so none is certain. Where there is no such rectangle, nothing is shown.
pub(super) fn of_two_ways(counts: &[Vec<usize>]) -> Vec<Vec<bool>> {
    let width = counts.first().map_or(0, Vec::len);
    let column = |at: usize| -> Vec<usize> { counts.iter().map(|row| row[at]).collect() };
    let rows = of_one_way(&counts.iter().map(|row| row.iter().sum()).collect::<Vec<usize>>());
    let columns = of_one_way(&(0..width).map(|at| column(at).iter().sum()).collect::<Vec<usize>>());
    let mut hidden: Vec<Vec<bool>> = counts
        .iter()
        .zip(&rows)
        .map(|(row, whole)| {
            of_one_way(row).iter().zip(&columns).map(|(few, column)| *few || *whole || *column).collect()
        })
        .collect();
    let few: Vec<Vec<bool>> = (0..width).map(|at| of_one_way(&column(at))).collect();
    for (row, cells) in hidden.iter_mut().enumerate() {
        for (cell, few) in cells.iter_mut().zip(&few) {
            *cell |= few[row];
        }
    }
    for row in 0..counts.len() {
        for at in 0..width {
            if is_few(counts[row][at]) && !enclose(counts, &mut hidden, row, at) {
                return counts.iter().map(|row| vec![true; row.len()]).collect();
            }
        }
    }
    hidden
}

/// Hides the cheapest rectangle around a number that is left out; false where there is none.
fn enclose(counts: &[Vec<usize>], hidden: &mut [Vec<bool>], row: usize, at: usize) -> bool {
    let mut best: Option<(usize, usize, usize)> = None;
    for (other, cells) in counts.iter().enumerate().filter(|(other, _)| *other != row) {
        for (beside, across) in cells.iter().enumerate().filter(|(beside, _)| *beside != at) {
            let (right, below) = (counts[row][beside], cells[at]);
            if *across == 0 && (right == 0 || below == 0) {
                continue;
            }
            let corners = [(hidden[row][beside], right), (hidden[other][at], below), (hidden[other][beside], *across)];
            // What is shown now costs its size, and one besides, so that as few as can be are left out.
            let cost = corners.iter().filter(|(hidden, _)| !hidden).map(|(_, n)| n + 1).sum();
            if best.is_none_or(|(least, ..)| cost < least) {
                best = Some((cost, other, beside));
            }
        }
    }
    let Some((_, other, beside)) = best else { return false };
    for (row, at) in [(row, beside), (other, at), (other, beside)] {
        hidden[row][at] = true;
    }
    true
}

/// Whether a number says too much about single people.
pub(super) const fn is_few(n: usize) -> bool {
    n > 0 && n < FEW
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a number can be another one with the same sums and the same numbers shown: it is the corner of a rectangle of hidden ones.
    fn may_be_another(counts: &[Vec<usize>], hidden: &[Vec<bool>], row: usize, at: usize) -> bool {
        (0..counts.len()).filter(|other| *other != row).any(|other| {
            (0..counts[0].len()).filter(|beside| *beside != at).any(|beside| {
                let all = hidden[row][beside] && hidden[other][at] && hidden[other][beside];
                let larger = counts[row][beside] > 0 && counts[other][at] > 0;
                all && (larger || counts[other][beside] > 0)
            })
        })
    }

    #[test]
    fn no_small_number_of_a_table_of_two_ways_can_be_worked_out_from_its_sums() {
        // Numbers that look drawn by lot, the same each time.
        let mut state = 7_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((state >> 33) % below).unwrap()
        };
        let mut shown = 0;
        for _ in 0..500 {
            let (height, width) = (2 + draw(6), 2 + draw(6));
            let most = [4, 12, 60][draw(3)];
            let counts: Vec<Vec<usize>> =
                (0..height).map(|_| (0..width).map(|_| if draw(3) == 0 { 0 } else { draw(most) }).collect()).collect();
            let hidden = of_two_ways(&counts);
            if hidden.iter().flatten().all(|hidden| *hidden) {
                continue;
            }
            for (row, cells) in counts.iter().enumerate() {
                for (at, n) in cells.iter().enumerate() {
                    shown += usize::from(!hidden[row][at]);
                    if is_few(*n) {
                        assert!(hidden[row][at], "{counts:?}");
                        assert!(may_be_another(&counts, &hidden, row, at), "{row} {at} of {counts:?}: {hidden:?}");
                    }
                }
            }
        }
        assert!(shown > 1_000, "{shown}");
    }

    #[test]
    fn no_small_number_of_a_column_is_certain_to_who_knows_its_sum() {
        // What the numbers left out can be: small ones are called "fewer than 5", and the others are not.
        fn readings(cells: &[usize], left: usize) -> Vec<Vec<usize>> {
            let Some((first, rest)) = cells.split_first() else {
                return if left == 0 { vec![Vec::new()] } else { Vec::new() };
            };
            let range = if is_few(*first) { 1..=left.min(FEW - 1) } else { FEW..=left };
            let each = |n| readings(rest, left - n).into_iter().map(move |others| [vec![n], others].concat());
            range.flat_map(each).collect()
        }
        for at in 0..12_usize.pow(4) {
            let counts: Vec<usize> = (0..4).map(|place| at / 12_usize.pow(place) % 12).collect();
            let hidden = of_one_way(&counts);
            let cells: Vec<usize> =
                counts.iter().zip(&hidden).filter(|(_, hidden)| **hidden).map(|(n, _)| *n).collect();
            // Where nothing larger is shown, there is nothing more to leave out.
            if counts.iter().zip(&hidden).any(|(n, hidden)| *n >= FEW && !hidden) {
                let all = readings(&cells, cells.iter().sum());
                for (place, _) in cells.iter().enumerate().filter(|(_, n)| is_few(**n)) {
                    assert!(all.iter().any(|one| one[place] != all[0][place]), "{counts:?}: {hidden:?}");
                }
            }
        }
        assert_eq!(of_one_way(&[1, 1, 9, 12]), [true, true, true, false]);
        assert_eq!(of_one_way(&[1, 5, 9, 12]), [true, true, true, false]);
    }

    #[test]
    fn a_table_of_large_numbers_is_shown_whole_and_a_single_row_with_a_small_one_not_at_all() {
        assert_eq!(of_two_ways(&[vec![5, 0, 9], vec![12, 7, 0]]), [[false; 3], [false; 3]]);
        assert_eq!(of_two_ways(&[vec![3, 40, 9]]), [[true; 3]]);
        assert_eq!(of_one_way(&[3, 0, 40, 7]), [true, false, false, true]);
        assert!(of_two_ways(&[]).is_empty());
    }
}
