use super::*;

type Ratio = (u32, u32);

/// A little-endian EXIF block with a GPS directory and the time it was taken.
fn exif(lat: &[Ratio], north: &str, lon: &[Ratio], east: &str, time: &str) -> Vec<u8> {
    let mut tail: Vec<u8> = Vec::new();
    // Header, the first directory of two pointers, the EXIF directory of one entry, the GPS directory of four.
    let (first, of_exif, of_gps) = (8_u32, 8_u32 + 2 + 2 * 12 + 4, 8 + 2 + 2 * 12 + 4 + 2 + 12 + 4);
    let after = of_gps + 2 + 4 * 12 + 4;
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value].concat()
    };
    let mut put = |bytes: &[u8]| {
        let at = after + tail.len() as u32;
        tail.extend_from_slice(bytes);
        at.to_le_bytes()
    };
    let ratios = |parts: &[Ratio]| -> Vec<u8> {
        parts.iter().flat_map(|(n, d)| [n.to_le_bytes(), d.to_le_bytes()].concat()).collect()
    };
    let letter = |side: &str| [side.bytes().next().unwrap_or(0), 0, 0, 0];
    let time = put(&[time.as_bytes(), b"\0"].concat());
    let (lat_at, lon_at) = (put(&ratios(lat)), put(&ratios(lon)));
    [
        b"II\x2a\0".to_vec(),
        first.to_le_bytes().to_vec(),
        2_u16.to_le_bytes().to_vec(),
        entry(0x8769, 4, 1, of_exif.to_le_bytes()),
        entry(0x8825, 4, 1, of_gps.to_le_bytes()),
        vec![0; 4],
        1_u16.to_le_bytes().to_vec(),
        entry(0x9003, 2, 20, time),
        vec![0; 4],
        4_u16.to_le_bytes().to_vec(),
        entry(1, 2, 2, letter(north)),
        entry(2, 5, lat.len() as u32, lat_at),
        entry(3, 2, 2, letter(east)),
        entry(4, 5, lon.len() as u32, lon_at),
        vec![0; 4],
        tail,
    ]
    .concat()
}

fn jpeg(exif: &[u8]) -> Vec<u8> {
    let length = (exif.len() + 8) as u16;
    [b"\xff\xd8\xff\xe1", &length.to_be_bytes()[..], b"Exif\0\0", exif, b"\xff\xd9"].concat()
}

fn png(exif: &[u8]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n", &(exif.len() as u32).to_be_bytes()[..], b"eXIf", exif, b"\0\0\0\0"].concat()
}

fn webp(exif: &[u8]) -> Vec<u8> {
    let size = exif.len() as u32;
    [b"RIFF", &(size + 12).to_le_bytes()[..], b"WEBPEXIF", &size.to_le_bytes(), exif].concat()
}

/// A HEIC file with nothing but its EXIF item.
fn heic(exif: &[u8]) -> Vec<u8> {
    let chunk = |kind: &[u8], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat();
    let ftyp = chunk(b"ftyp", b"heic\0\0\0\0mif1heic");
    let info = chunk(b"infe", b"\x02\0\0\0\0\x01\0\0Exif\0");
    let items = chunk(b"iinf", &[&b"\0\0\0\0\0\x01"[..], &info].concat());
    let length = exif.len() as u32 + 4;
    // One item of one extent, its offset counted from the beginning of the file.
    let location = |offset: u32| {
        let body =
            [&b"\0\0\0\0\x44\0\0\x01\0\x01\0\0\0\x01"[..], &offset.to_be_bytes(), &length.to_be_bytes()].concat();
        chunk(b"meta", &[&b"\0\0\0\0"[..], &items, &chunk(b"iloc", &body)].concat())
    };
    let at = (ftyp.len() + location(0).len() + 8) as u32;
    [ftyp, location(at), chunk(b"mdat", &[&[0; 4][..], exif].concat())].concat()
}

fn file(bytes: Vec<u8>) -> Attachment {
    Attachment { name: "hole.jpg".to_owned(), content_type: "image/jpeg".to_owned(), bytes, refused: None }
}

const LAT: [Ratio; 3] = [(54, 1), (1, 1), (4330, 100)];
const LON: [Ratio; 3] = [(1, 1), (31, 1), (5120, 100)];
const TIME: &str = "2026:03:04 10:15:00";

#[test]
fn position_and_time_are_read_from_each_kind_of_picture() {
    let block = exif(&LAT, "N", &LON, "W", TIME);
    for bytes in [jpeg(&block), png(&block), webp(&block), heic(&block)] {
        let found = positions(&[file(bytes)]);
        assert_eq!(found.len(), 1);
        let PhotoPoint { file, point, taken_at } = &found[0];
        assert!((point.lat() - 54.028_694).abs() < 1e-5 && (point.lon() + 1.530_889).abs() < 1e-5, "{point}");
        assert_eq!((file.as_str(), taken_at.unwrap().to_string().as_str()), ("hole.jpg", "2026-03-04 10:15:00"));
    }
    let south = exif(&LAT, "S", &LON, "E", TIME);
    let point = positions(&[file(jpeg(&south))])[0].point;
    assert!(point.lat() < 0.0 && point.lon() > 0.0);
}

#[test]
fn a_camera_that_did_not_know_where_it_was_says_nothing() {
    let cases: [(&[Ratio], &str, &[Ratio], &str); 8] = [
        (&[(0, 1), (0, 1), (0, 1)], "N", &[(0, 1), (0, 1), (0, 1)], "E"),
        (&[(0, 0), (0, 0), (0, 0)], "N", &[(0, 0), (0, 0), (0, 0)], "E"),
        (&[(54, 0), (1, 1), (0, 1)], "N", &LON, "W"),
        (&[(540, 1), (1, 1), (0, 1)], "N", &LON, "W"),
        (&[(u32::MAX, 1), (u32::MAX, 1), (u32::MAX, 1)], "N", &LON, "W"),
        (&LAT, "", &LON, "W"),
        (&LAT, "N", &LON, "Q"),
        (&[], "N", &LON, "W"),
    ];
    for (lat, north, lon, east) in cases {
        assert!(
            positions(&[file(jpeg(&exif(lat, north, lon, east, TIME)))]).is_empty(),
            "{lat:?} {north} {lon:?} {east}"
        );
    }
    let no_seconds = exif(&[(54, 1), (1722, 1000)], "N", &[(1, 1), (31854, 1000), (0, 0)], "W", "0000:00:00 00:00:00");
    let found = positions(&[file(jpeg(&no_seconds))]);
    assert_eq!((found.len(), found[0].taken_at), (1, None));
}

#[test]
fn whatever_is_written_into_a_picture_reading_it_ends() {
    let block = exif(&LAT, "N", &LON, "W", TIME);
    for make in [jpeg, png, webp, heic] {
        let whole = make(&block);
        for end in 0..whole.len() {
            let _ = positions(&[file(whole[..end].to_vec())]);
        }
        // Each byte turned into the largest and the smallest there is: offsets that loop, counts without end, sizes.
        for at in 0..whole.len() {
            for byte in [0x00, 0xff, 0x08] {
                let mut bent = whole.clone();
                bent[at] = byte;
                let _ = positions(&[file(bent)]);
            }
        }
    }
    // A directory that is its own child and its own next, and a value of four thousand million numbers.
    let mut looped = block.clone();
    looped[18..22].copy_from_slice(&8_u32.to_le_bytes());
    looped[34..38].copy_from_slice(&8_u32.to_le_bytes());
    assert!(positions(&[file(jpeg(&looped))]).len() <= 1);
    let mut huge = block;
    let gps = huge.windows(4).position(|w| w == [2, 0, 5, 0]).unwrap();
    huge[gps + 4..gps + 8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(positions(&[file(jpeg(&huge))]).is_empty());
}

#[test]
fn other_files_and_too_many_photos_are_left_alone() {
    assert!(
        positions(&[file(b"%PDF-1.7".to_vec()), file(Vec::new()), file(exif(&LAT, "N", &LON, "W", TIME))]).is_empty()
    );
    let photo = file(jpeg(&exif(&LAT, "N", &LON, "W", TIME)));
    assert_eq!(positions(&vec![photo; 60]).len(), MOST);
}
