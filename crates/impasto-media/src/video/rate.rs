//! Frames a second, exactly.

use std::fmt;
use std::str::FromStr;

/// Frames a second as a fraction, so that 29.97 stays 30000/1001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Frames.
    pub frames: u32,
    /// In so many seconds.
    pub seconds: u32,
}

impl Rate {
    /// 25 a second.
    pub const DEFAULT: Rate = Rate { frames: 25, seconds: 1 };

    /// As a number.
    pub fn hz(self) -> f64 {
        f64::from(self.frames) / f64::from(self.seconds)
    }
}

impl FromStr for Rate {
    type Err = String;

    /// `25`, `12.5`, `30000/1001`; 23.976, 29.97 and 59.94 mean television's fractions.
    fn from_str(word: &str) -> Result<Self, String> {
        let bad =
            || "a rate is frames a second, such as 25, 29.97 or 30000/1001, from 0.01 to 1000".to_string();
        let rate = match word.split_once('/') {
            Some((frames, seconds)) => Rate {
                frames: frames.parse().map_err(|_| bad())?,
                seconds: seconds.parse().map_err(|_| bad())?,
            },
            None => from_number(word.parse().map_err(|_| bad())?),
        };
        let fits = rate.frames > 0 && rate.seconds > 0 && (0.01..=1000.0).contains(&rate.hz());
        if fits { Ok(rate) } else { Err(bad()) }
    }
}

fn from_number(hz: f64) -> Rate {
    for whole in [24.0, 30.0, 48.0, 60.0, 120.0f64] {
        if (hz - whole / 1.001).abs() < 0.006 {
            return Rate { frames: whole as u32 * 1000, seconds: 1001 };
        }
    }
    let thousandths = if (0.0..=1000.0).contains(&hz) { (hz * 1000.0).round() as u32 } else { 0 };
    match thousandths % 1000 {
        0 => Rate { frames: thousandths / 1000, seconds: 1 },
        _ => Rate { frames: thousandths, seconds: 1000 },
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.seconds == 1 {
            write!(f, "{}", self.frames)
        } else {
            write!(f, "{}/{}", self.frames, self.seconds)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_exact() {
        let cases = [
            ("25", 25, 1),
            ("29.97", 30_000, 1001),
            ("23.976", 24_000, 1001),
            ("12.5", 12_500, 1000),
            ("30000/1001", 30_000, 1001),
        ];
        for (word, frames, seconds) in cases {
            assert_eq!(word.parse(), Ok(Rate { frames, seconds }), "{word}");
        }
        for bad in ["0", "-1", "nan", "1e9", "x", "3/0", "", "1/"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }
}
