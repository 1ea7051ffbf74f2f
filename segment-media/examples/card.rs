//! A source into a sink, to look at by hand: `cargo run -p segment-media --example card -- --help`.

use std::error::Error;
use std::ffi::OsString;
use std::io::stdin;
use std::path::Path;
use std::time::{Duration, Instant};

use segment_media::card::{Card, CardOptions, Stamp};
use segment_media::ffmpeg::{FfmpegOptions, Input, Tool};
use segment_media::screen::TerminalSink;
use segment_media::{FileSink, Outlet, PlayerSink, Source, Stop, card, ffmpeg, input, jpeg};

const HELP: &str = "card [SOURCE] [--out FILE | --play | --measure] [--seconds N] [--size WxH] [--rate N] [--quality N]
SOURCE: test (default), camera, a file, a device, an address, or - for standard input";

struct Options {
    source: String,
    sink: String,
    out: String,
    seconds: u64,
    card: CardOptions,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = read_options()?;
    match options.sink.as_str() {
        "help" => println!("{HELP}"),
        "measure" => measure(options.card)?,
        _ => play(&options)?,
    }
    Ok(())
}

fn read_options() -> Result<Options, Box<dyn Error>> {
    let (source, sink, out) = ("test".into(), "term".into(), String::new());
    let mut options = Options { source, sink, out, seconds: 3_600, card: CardOptions::default() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} wants a value"));
        match arg.as_str() {
            "--help" | "--play" | "--measure" => options.sink = arg.trim_start_matches('-').into(),
            "--out" => (options.sink, options.out) = ("out".into(), value()?),
            "--seconds" => options.seconds = value()?.parse()?,
            "--rate" => options.card.rate = value()?.parse()?,
            "--quality" => options.card.quality = value()?.parse()?,
            "--size" => {
                let size = value()?;
                let (width, height) = size.split_once('x').ok_or("a size is WxH")?;
                (options.card.width, options.card.height) = (width.parse()?, height.parse()?);
            }
            _ => options.source = arg,
        }
    }
    Ok(options)
}

fn open(options: &Options) -> Result<Source, Box<dyn Error>> {
    Ok(match options.source.as_str() {
        "test" => card::open(options.card)?,
        "-" => input::open(stdin(), options.card.rate)?,
        other => ffmpeg::open(&Tool::find("to stream this")?, &Input::understand(other), &FfmpegOptions::default())?,
    })
}

fn play(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut source = open(options)?;
    let (tracks, stop) = (source.tracks().to_vec(), Stop::default());
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    let outlet = match options.sink.as_str() {
        "out" => Outlet::start(FileSink::create(Path::new(&options.out), &tracks)?, &stop)?,
        "play" => Outlet::start(PlayerSink::open(&path, &tracks)?, &stop)?,
        _ => Outlet::start(TerminalSink::open(&tracks, &options.source, String::new, &stop)?, &stop)?,
    };
    let until = Instant::now() + Duration::from_secs(options.seconds);
    let mut outcome = Ok(());
    while Instant::now() < until && !stop.is_set() {
        match source.next_blocking() {
            Ok(Some(frame)) => outlet.put(frame),
            Ok(None) => break,
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    let summary = outlet.finish()?;
    println!("{} frames taken, {} left out, {} too late for us", summary.taken, summary.dropped, source.dropped());
    Ok(outcome?)
}

/// What a frame of the card costs one core.
fn measure(options: CardOptions) -> Result<(), Box<dyn Error>> {
    const FRAMES: u32 = 300;
    let mut card = Card::new(options.width, options.height);
    let (mut drawn, mut encoded, mut decoded, mut bytes) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
    for number in 0..FRAMES {
        let from = Instant::now();
        card.show(Stamp { timestamp_us: u64::from(number) * 33_333 + 1_795_347_203_000_000, number });
        drawn += from.elapsed();
        let from = Instant::now();
        let frame = jpeg::encode(card.picture(), options.quality)?;
        encoded += from.elapsed();
        let from = Instant::now();
        jpeg::decode(&frame)?;
        decoded += from.elapsed();
        bytes += frame.len();
    }
    let mean = |all: Duration| all.as_secs_f64() * 1e3 / f64::from(FRAMES);
    println!(
        "{}x{}, quality {}: {:.2} ms drawn, {:.2} ms encoded, {:.2} ms decoded, {} bytes a frame",
        options.width,
        options.height,
        options.quality,
        mean(drawn),
        mean(encoded),
        mean(decoded),
        bytes / FRAMES as usize
    );
    Ok(())
}
