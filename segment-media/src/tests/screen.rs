use crate::Picture;
use crate::picture::Rgb;
use crate::screen::{Area, Capability, Colours, Kitty, Painter, Replies, Show, Window, fit, sixel};

const BARS: [(Rgb, char); 4] = [([200, 0, 0], 'R'), ([0, 200, 0], 'G'), ([0, 0, 200], 'B'), ([200, 200, 200], 'W')];

/// Four bars of 20 columns; below row 18 all is dark.
fn bars() -> Picture {
    let mut picture = Picture::black(80, 40);
    for (index, (colour, _)) in BARS.iter().enumerate() {
        picture.fill(index * 20, 0, 20, 18, *colour);
    }
    picture
}

fn letter(colour: vt100::Color) -> char {
    match colour {
        vt100::Color::Rgb(0, 0, 0) => '.',
        vt100::Color::Rgb(red, green, blue) => {
            BARS.iter().find(|(known, _)| *known == [red, green, blue]).map_or('?', |(_, letter)| *letter)
        }
        vt100::Color::Idx(index) => char::from_digit(u32::from(index) % 10, 10).unwrap_or('?'),
        vt100::Color::Default => ' ',
    }
}

/// Upper and lower pixels of a rendered screen, row by row.
fn pixels(screen: &vt100::Screen) -> Vec<String> {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let half = |row, of: fn(&vt100::Cell) -> vt100::Color| -> String {
        (0..columns).filter_map(|column| screen.cell(row, column)).map(|cell| letter(of(cell))).collect()
    };
    let pairs = (0..rows).map(|row| [half(row, vt100::Cell::fgcolor), half(row, vt100::Cell::bgcolor)]);
    pairs.flatten().collect()
}

fn parser(rows: u16, columns: u16) -> vt100::Parser {
    vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0)
}

fn shown(columns: u16, rows: u16) -> vt100::Parser {
    let mut terminal = parser(rows, columns);
    let window = Window::new(columns, rows, None);
    terminal.process(Show::default().frame(&bars(), "ken: dry run", &window).as_bytes());
    terminal
}

fn bar_row(columns: usize) -> String {
    BARS.iter().map(|(_, letter)| letter.to_string().repeat(columns / 4)).collect()
}

#[test]
fn a_person_who_waits_for_the_first_picture_reads_that() {
    let (mut show, window, mut terminal) = (Show::default(), Window::new(40, 12, None), parser(12, 40));
    terminal.process(show.waiting("ken: dry run  waits", &window).as_bytes());
    let text: Vec<String> = terminal.screen().rows(0, 40).collect();
    assert_eq!(text.last().map(|row| row.trim_end()), Some("ken: dry run  waits"));
    terminal.process(show.frame(&bars(), "ken: dry run", &window).as_bytes());
    assert_eq!(terminal.screen().contents(), shown(40, 12).screen().contents(), "nothing of it is left");
}

#[test]
fn a_picture_on_a_screen_of_forty_columns() {
    let terminal = shown(40, 12);
    let mut wanted = vec![bar_row(40); 9];
    wanted.resize(20, ".".repeat(40));
    wanted.resize(24, " ".repeat(40));
    assert_eq!(pixels(terminal.screen()), wanted);
    let text: Vec<String> = terminal.screen().rows(0, 40).collect();
    assert!(text[..10].iter().all(|row| *row == "▀".repeat(40)));
    assert_eq!(text[10..], ["", "ken: dry run"]);
}

#[test]
fn a_picture_on_a_screen_of_a_hundred_and_twenty_columns() {
    let terminal = shown(120, 40);
    let mut wanted = vec![" ".repeat(120); 8];
    wanted.extend(vec![bar_row(120); 27]);
    wanted.extend(vec![".".repeat(120); 33]);
    wanted.resize(80, " ".repeat(120));
    assert_eq!(pixels(terminal.screen()), wanted);
    assert_eq!(terminal.screen().rows(0, 120).last().unwrap(), "ken: dry run");
}

#[test]
fn only_what_changes_is_sent_and_a_new_size_is_drawn_whole() {
    let (mut show, small) = (Show::default(), Window::new(40, 12, None));
    let mut picture = bars();
    let first = show.frame(&picture, "a", &small);
    assert_eq!(show.frame(&picture, "a", &small), "\x1b[?2026h\x1b[?2026l");
    picture.fill(2, 20, 2, 4, [9, 8, 7]);
    let change = "\x1b[6;2H\x1b[38;2;9;8;7m\x1b[48;2;9;8;7m▀\x1b[0m";
    assert_eq!(show.frame(&picture, "a", &small), format!("\x1b[?2026h{change}\x1b[?2026l"));
    let large = Window::new(120, 40, None);
    let mut terminal = parser(40, 120);
    terminal.process(first.as_bytes());
    terminal.process(show.frame(&bars(), "a", &large).as_bytes());
    assert_eq!(pixels(terminal.screen())[8], bar_row(120));
    assert_eq!(terminal.screen().rows(0, 120).last().unwrap(), "a");
}

#[test]
fn two_hundred_and_fifty_six_colours_where_there_are_no_more() {
    let cases: [(Rgb, u8); 6] =
        [([255, 0, 0], 196), ([128; 3], 244), ([0; 3], 16), ([8; 3], 232), ([255; 3], 231), ([95, 135, 175], 67)];
    for (colour, wanted) in cases {
        let mut picture = Picture::black(2, 2);
        picture.fill(0, 0, 2, 2, colour);
        let mut show = Show::new(Painter::new(Capability::HalfBlocks(Colours::Indexed)));
        let sent = show.frame(&picture, "", &Window::new(4, 3, None));
        assert!(sent.contains(&format!("\x1b[38;5;{wanted}m\x1b[48;5;{wanted}m▀")), "{colour:?}: {sent:?}");
    }
    for (colorterm, term, wanted) in [
        ("truecolor", "xterm", Colours::True),
        ("24bit", "", Colours::True),
        ("", "xterm-direct", Colours::True),
        ("", "xterm-256color", Colours::Indexed),
    ] {
        assert_eq!(Colours::decide(colorterm, term), wanted);
    }
}

#[test]
fn a_title_cannot_move_the_cursor() {
    let mut terminal = parser(12, 40);
    let title = format!("a\x1b[2J\n\x07\u{9b}2Jb{}", "x".repeat(100));
    terminal.process(Show::default().frame(&bars(), &title, &Window::new(40, 12, None)).as_bytes());
    let rows: Vec<String> = terminal.screen().rows(0, 40).collect();
    assert_eq!(rows[0], "▀".repeat(40));
    assert!(rows[11].starts_with("a[2J2Jbxx"), "{}", rows[11]);
}

type Answer<'a> = (&'a [u8], Capability, Option<(u16, u16)>, bool);

#[test]
fn what_a_terminal_answers_says_what_it_can() {
    let cases: [Answer<'_>; 6] = [
        (b"", Capability::HalfBlocks(Colours::True), None, false),
        (b"\x1b[?1;2c", Capability::HalfBlocks(Colours::True), None, true),
        (b"\x1b[?62;4;22c", Capability::Sixel, None, true),
        (b"\x1b[?64;14c", Capability::HalfBlocks(Colours::True), None, true),
        (b"x\x1b_Gi=31;OK\x1b\\\x1b[6;20;10t\x1b[?62;4c", Capability::Kitty, Some((10, 20)), true),
        (b"\x1b[6;0;99999t\x1b_Gi=31;EINVAL\x1b\\", Capability::HalfBlocks(Colours::True), None, false),
    ];
    for (bytes, capability, cell, is_all) in cases {
        let replies = Replies::understand(bytes);
        assert_eq!((replies.capability(Colours::True), replies.cell, replies.is_all), (capability, cell, is_all));
    }
}

#[test]
fn a_picture_keeps_its_shape_in_any_window() {
    let area = |left, top, columns, rows| Area { left, top, columns, rows };
    let cases = [
        ((80, 24), (1280, 720), area(0, 0, 80, 23)),
        ((200, 24), (1280, 720), area(59, 0, 82, 23)),
        ((80, 60), (1280, 720), area(0, 18, 80, 23)),
        ((1, 1), (1280, 720), area(0, 0, 1, 1)),
        ((80, 25), (1, 4_096), area(39, 0, 1, 24)),
    ];
    for ((columns, rows), (width, height), wanted) in cases {
        assert_eq!(fit(&Window::new(columns, rows, None), width, height), wanted, "{columns}x{rows}");
    }
}

#[test]
fn sixel_bands_are_exact() {
    let mut picture = Picture::black(2, 6);
    picture.fill(0, 0, 1, 6, [0, 0, 255]);
    picture.fill(1, 0, 1, 6, [255, 0, 0]);
    let area = Area { left: 3, top: 1, columns: 2, rows: 6 };
    let sent = sixel(&picture, area, &Window::new(80, 24, Some((1, 1))));
    let wanted = "\x1b[2;4H\x1bP0;1;0q\"1;1;2;6#5;2;0;0;100#180;2;100;0;0#5~?$#180?~$-\x1b\\";
    assert_eq!(sent, wanted);
}

#[test]
fn pictures_of_kitty_come_in_parts_and_replace_each_other() {
    let (mut kitty, window) = (Kitty::default(), Window::new(80, 24, Some((8, 16))));
    let area = Area { left: 0, top: 0, columns: 10, rows: 5 };
    let first = kitty.draw(&bars(), area, &window);
    let parts: Vec<&str> = first.split("\x1b_G").collect();
    assert!(parts[1].starts_with("a=T,f=24,t=d,i=1,s=80,v=40,c=10,r=5,C=1,q=2,m=1;yAAA"), "{}", &parts[1][..60]);
    assert!(parts.iter().all(|part| part.len() < 4_200));
    assert!(parts[parts.len() - 2].starts_with("m=0;"));
    assert_eq!(parts[parts.len() - 1], "a=d,d=I,i=2,q=2\x1b\\");
    assert!(kitty.draw(&bars(), area, &window).ends_with("\x1b_Ga=d,d=I,i=1,q=2\x1b\\"));
}
