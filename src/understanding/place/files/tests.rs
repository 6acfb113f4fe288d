use super::*;
use crate::understanding::place::PlaceFiles;
use crate::understanding::place::Places;

fn gathered(text: &str, expected: Expected) -> Result<Gathered, PlaceDataError> {
    let mut gathered = Gathered::default();
    gathered.take_in_text(text.as_bytes(), expected).map(|()| gathered)
}

fn postcodes(text: &str) -> Result<Vec<(String, f64, f64)>, PlaceDataError> {
    let found = gathered(text, Expected::Postcodes)?.postcodes;
    Ok(found.into_iter().map(|(code, (lat, lon))| (code.to_string(), lat, lon)).collect())
}

/// A row of OS Open Names with these cells, others empty.
fn open_name(id: &str, name: &str, kind: (&str, &str), east: f64, north: f64, district: &str, area: &str) -> String {
    let mut cells = vec![String::new(); 34];
    cells[0] = id.to_owned();
    cells[1] = format!("http://data.ordnancesurvey.co.uk/id/{id}");
    cells[2] = name.to_owned();
    (cells[6], cells[7]) = (kind.0.to_owned(), kind.1.to_owned());
    (cells[8], cells[9]) = (east.to_string(), north.to_string());
    cells[16] = district.to_owned();
    cells[18] = area.to_owned();
    cells.join(",") + "\n"
}

const ROAD: (&str, &str) = ("transportNetwork", "Named Road");

#[test]
fn columns_may_be_named_and_ordered_in_the_usual_ways() {
    for text in [
        "postcode,lat,lon\nZM1 4QT,54.1,-1.5\n",
        "\u{feff}Longitude,Latitude,PCDS,ward\n-1.5,54.1,zm14qt,Abbey\n",
        "pcd , lat , long\r\n\"ZM1 4QT\" , 54.1, -1.5\r\nZE9 9ZZ,99.999999,0.000000\r\n",
    ] {
        assert_eq!(postcodes(text).unwrap(), [("ZM1 4QT".to_owned(), 54.1, -1.5)], "{text}");
    }
}

#[test]
fn a_street_needs_neither_kind_nor_postcode() {
    let found = gathered("name,lat,lng\n\"Mill Lane, Upper\",54.1,-1.5\n", Expected::Names).unwrap().rows;
    assert_eq!((found.entries.len(), found.entries[0].kind), (1, Kind::Street));
}

#[test]
fn open_names_are_read_with_and_without_their_line_of_names() {
    let header = "ID,NAMES_URI,NAME1,NAME1_LANG,NAME2,NAME2_LANG,TYPE,LOCAL_TYPE,GEOMETRY_X,GEOMETRY_Y,MOST_DETAIL_VIEW_RES,\
        LEAST_DETAIL_VIEW_RES,MBR_XMIN,MBR_YMIN,MBR_XMAX,MBR_YMAX,POSTCODE_DISTRICT,POSTCODE_DISTRICT_URI,POPULATED_PLACE,\
        POPULATED_PLACE_URI,POPULATED_PLACE_TYPE,DISTRICT_BOROUGH,DISTRICT_BOROUGH_URI,DISTRICT_BOROUGH_TYPE,COUNTY_UNITARY,\
        COUNTY_UNITARY_URI,COUNTY_UNITARY_TYPE,REGION,REGION_URI,COUNTRY,COUNTRY_URI,RELATED_SPATIAL_OBJECT,\
        SAME_AS_DBPEDIA,SAME_AS_GEONAMES\n";
    let data = [
        open_name("1", "Almoner Street", ROAD, 651_409.0, 313_177.0, "ZM1", "Brackenmere"),
        open_name("2", "Abbeyfold", ("populatedPlace", "Suburban Area"), 651_500.0, 313_200.0, "ZM1", ""),
        open_name("3", "A999", ("transportNetwork", "Numbered Road"), 651_500.0, 313_200.0, "", ""),
        open_name("4", "Abbey Wood", ("landcover", "Forest Or Wood"), 651_500.0, 313_200.0, "", ""),
        open_name("5", "Brackenmere High School", ("other", "Secondary Education"), 651_500.0, 313_200.0, "", ""),
        open_name("6", "Brackenmere", ("populatedPlace", "Town"), 651_500.0, 313_200.0, "", ""),
        open_name("ZM14QT", "ZM1 4QT", ("other", "Postcode"), 651_409.0, 313_177.0, "", ""),
    ]
    .concat();
    for text in [data.clone(), format!("\u{feff}{header}{data}")] {
        for expected in [Expected::Any, Expected::Names, Expected::Postcodes] {
            let found = gathered(&text, expected).unwrap();
            let kinds: Vec<Kind> = found.rows.entries.iter().map(|entry| entry.kind).collect();
            assert_eq!(kinds, [Kind::Street, Kind::Suburb, Kind::RoadNumber, Kind::Nature, Kind::Site, Kind::Town]);
            let (lat, lon) = found.postcodes[&Postcode::parse("ZM1 4QT").unwrap()];
            assert!((lat - 52.658).abs() < 1e-3 && (lon - 1.716).abs() < 1e-3, "{lat} {lon}");
        }
    }
}

#[test]
fn a_second_name_in_another_language_is_a_name_too() {
    let row = open_name("1", "Station Road", ROAD, 300_000.0, 200_000.0, "", "").replacen(
        "Station Road,,",
        "Station Road,eng,Heol yr Orsaf",
        1,
    );
    let places = Places::new(None, gathered(&row, Expected::Any).unwrap());
    assert_eq!(places.find("twll ar Heol yr Orsaf", &[]).first().map(|p| p.name.as_str()), Some("Heol yr Orsaf"));
}

#[test]
fn open_uprn_is_read_and_what_is_no_number_refused() {
    let text = "\u{feff}UPRN,X_COORDINATE,Y_COORDINATE,LATITUDE,LONGITUDE\n100012345678,651409,313177,52.658,1.716\n";
    assert_eq!(gathered(text, Expected::Any).unwrap().uprns, [(100_012_345_678, 52.658, 1.716)]);
    let grid = gathered("UPRN,EASTING,NORTHING\n7,651409.8,313177.4\n", Expected::Any).unwrap().uprns;
    assert!((grid[0].1 - 52.658).abs() < 1e-3, "{grid:?}");
    let error = gathered(&format!("{text}x1,1,1,52,1\n"), Expected::Any).unwrap_err().to_string();
    assert!(error.starts_with("line 3: 'x1' is no UPRN; give it as a number"), "{error}");
}

#[test]
fn an_error_says_line_fault_and_remedy() {
    let cases = [
        ("code,lat,lon\n", "line 1: there is no column 'postcode' among 'code,lat,lon'; let the first line read"),
        ("", "line 1: there is no column 'postcode'"),
        ("postcode,lat,lon\nZM1 4QT,54,-1\nnonsense,54,-1\n", "line 3: 'nonsense' is no postcode; write it like"),
        ("postcode,lat,lon\nZM1 4QT,north,-1\n", "line 2: 'north' is no number of degrees; give"),
        ("postcode,lat,lon\nZM1 4QT,NaN,-1\n", "line 2: 'NaN' is no number"),
        ("postcode,lat,lon\nZM1 4QT,540000,430000\n", "line 2: 540000, 430000 are not degrees; export"),
        ("postcode,lat,lon\nZM1 4QT,-1.5,54.1\n", "line 2: latitude -1.5 is far from the United Kingdom; exchange"),
        ("postcode,lat,lon\nZM1 4QT,54.1\n", "line 2: the line has 2 columns where the first has 3; put"),
        ("postcode,latitude\nZM1 4QT,54.1\n", "line 1: there is no column 'lon' among"),
    ];
    for (text, message) in cases {
        let error = postcodes(text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let cases = [
        ("name,kind,lat,lon,postcode\n12,street,54.1,-1.5,\n", "line 2: '12' is no name"),
        ("name,kind,lat,lon,postcode\nMill Lane,street,54.1,-1.5,ZZ\n", "line 2: 'ZZ' is no postcode"),
        (
            "id,ward\n1,Abbey\n",
            "line 1: this is no gazetteer that is known: its first line begins 'id,ward'; give OS Open Names",
        ),
        (
            "UPRN,ADDRESS\n1,x\n",
            "line 1: there is no column 'latitude' among 'uprn,address'; let the first line read UPRN",
        ),
    ];
    for (text, message) in cases {
        let error = gathered(text, Expected::Any).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let good = open_name("1", "Mill Lane", ROAD, 651_409.0, 313_177.0, "", "");
    let cases = [
        (
            good.clone() + &open_name("2", "Far Lane", ROAD, -5.0, 313_177.0, "", ""),
            "line 2: -5, 313177 are not on the British National Grid",
        ),
        (
            good.clone() + &open_name("2", "Far Lane", ROAD, f64::NAN, 313_177.0, "", ""),
            "line 2: 'NaN' is no number of metres",
        ),
        (good + "3,http://x,Mill Lane\n", "line 2: the line has 3 columns where the first has 34"),
    ];
    for (text, message) in cases {
        let error = gathered(&text, Expected::Any).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn what_is_no_csv_at_all_is_refused_with_the_way_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gazetteer.csv");
    for (bytes, part) in [
        (&b"PK\x03\x04rest"[..], "ZIP archive; unpack it"),
        (b"SQLite format 3\0", "GeoPackage; download the same as CSV"),
        (b"<?xml version='1.0'?>", "XML (GML); download the same as CSV"),
        (b"{\"type\":1}", "JSON"),
        (b"name,lat,lon\nH\xf6lzweg,54,2\n", "UTF-8; save the file"),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let files = PlaceFiles { gazetteer: vec![file.clone()], ..PlaceFiles::default() };
        let error = Places::read(&files).unwrap_err().to_string();
        assert!(error.contains("gazetteer.csv") && error.contains(part), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
    let files = PlaceFiles { gazetteer: vec![folder.path().to_path_buf()], ..PlaceFiles::default() };
    let error = Places::read(&files).unwrap_err().to_string();
    assert!(error.contains("there is no .csv file in this folder"), "{error}");
}

#[test]
fn of_a_national_file_only_the_councils_area_is_kept_and_a_file_of_elsewhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let wards = Path::new(env!("CARGO_MANIFEST_DIR")).join("training-data/demo/borough/wards.geojson");
    let tile = folder.path().join("OS");
    std::fs::create_dir(&tile).unwrap();
    // Mill Lane by the canal, and one in Norfolk.
    let home = "name,lat,lon\nMill Lane,54.01609,2.04808\n";
    let away = open_name("1", "Mill Lane", ROAD, 651_409.0, 313_177.0, "", "");
    std::fs::write(tile.join("a.csv"), home).unwrap();
    std::fs::write(tile.join("TG.CSV"), &away).unwrap();
    std::fs::write(tile.join("notes.txt"), "not a gazetteer").unwrap();
    let files = |path: &Path| PlaceFiles {
        wards: Some(wards.clone()),
        gazetteer: vec![path.to_path_buf()],
        ..PlaceFiles::default()
    };
    assert_eq!(Places::read(&files(&tile)).unwrap().counts().names, 1);
    let error = Places::read(&files(&tile.join("TG.CSV"))).unwrap_err().to_string();
    assert!(error.contains("none of its 1 rows lies in the council's wards"), "{error}");
}
