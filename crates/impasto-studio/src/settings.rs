//! What the sliders say.

use crate::StudioError;
use crate::turn::crop_word;
use impasto_pixel::view::Crop;
use serde::{Deserialize, Serialize, Serializer};

/// A style of the gallery and its share in the mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// Which, by its id in the gallery.
    pub id: String,
    /// Its weight, from 0 up; weights need not sum to 1.
    #[serde(default = "one", serialize_with = "plainly")]
    pub weight: f32,
}

fn one() -> f32 {
    1.0
}

/// As a person writes it: 0.7, not the 0.699999988 that the same number has in 64 bits.
fn plainly<S: Serializer>(value: &f32, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(value.to_string().parse().unwrap_or(f64::from(*value)))
}

/// The treatment of flashes of the painting (WCAG 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flash {
    /// They are not counted.
    Off,
    /// They are counted, and the page says where there are more than three a second.
    #[default]
    Warn,
    /// More than three a second are damped.
    Limit,
}

/// All that steers the painting. As JSON it is what `GET /api/state` shows and `POST /api/settings` takes, whole or in parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The mix; empty shows the camera as it is.
    pub styles: Vec<Chosen>,
    /// `0..1`: from the camera's picture to the style in full.
    #[serde(serialize_with = "plainly")]
    pub strength: f32,
    /// `0..1`: from the painting's colours to the camera's.
    #[serde(serialize_with = "plainly")]
    pub keep_color: f32,
    /// `0..1`: from each frame by itself to the calmest.
    #[serde(serialize_with = "plainly")]
    pub steady: f32,
    /// `1..4`: how large strokes are; the picture is painted that many times smaller.
    #[serde(serialize_with = "plainly")]
    pub brush: f32,
    /// Shorter side in px at which is painted, `64..=1080`; 0 chooses it so that `target_fps` is held.
    pub resolution: usize,
    /// Frames a second that the choice of size aims at, `1..=60`.
    #[serde(serialize_with = "plainly")]
    pub target_fps: f32,
    /// Whether everybody sees it mirrored.
    pub mirror: bool,
    /// `0..=1`: share of the picture, from the left as it is seen, that shows the camera; 0 is the painting alone.
    #[serde(serialize_with = "plainly")]
    pub split: f32,
    /// Degrees by which the camera's picture is turned clockwise: 0, 90, 180 or 270.
    pub rotate: u16,
    /// Part of the turned picture that is used.
    #[serde(with = "crop_word")]
    pub crop: Crop,
    /// The treatment of flashes.
    pub flash: Flash,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            styles: vec![],
            strength: 1.0,
            keep_color: 0.0,
            steady: impasto::steady::DEFAULT,
            brush: 1.0,
            resolution: 0,
            target_fps: 24.0,
            mirror: false,
            split: 0.0,
            rotate: 0,
            crop: Crop::Whole,
            flash: Flash::Warn,
        }
    }
}

impl Settings {
    /// These settings with the parts of `patch` in their place, if the result is sound.
    pub fn patched(&self, patch: &serde_json::Value) -> Result<Self, StudioError> {
        let whole = |what: String| StudioError::Setting { name: "settings".into(), what };
        let serde_json::Value::Object(patch) = patch else {
            return Err(whole("expected a JSON object such as {\"strength\": 0.8}".into()));
        };
        let mut value = serde_json::to_value(self).expect("settings are plain data");
        for (name, part) in patch {
            value[name] = part.clone();
        }
        let settings: Settings = serde_json::from_value(value).map_err(|e| whole(e.to_string()))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), StudioError> {
        let refused =
            |name: &str, what: &str| Err(StudioError::Setting { name: name.into(), what: what.into() });
        for (name, value, low, high) in [
            ("strength", self.strength, 0.0, 1.0),
            ("keep_color", self.keep_color, 0.0, 1.0),
            ("steady", self.steady, 0.0, 1.0),
            ("brush", self.brush, 1.0, 4.0),
            ("target_fps", self.target_fps, 1.0, 60.0),
            ("split", self.split, 0.0, 1.0),
        ] {
            if !(low..=high).contains(&value) {
                return refused(name, &format!("must be between {low} and {high}, found {value}"));
            }
        }
        if self.resolution != 0 && !(64..=1080).contains(&self.resolution) {
            return refused("resolution", "must be 0 (automatic) or between 64 and 1080 px");
        }
        if ![0, 90, 180, 270].contains(&self.rotate) {
            return refused("rotate", "must be 0, 90, 180 or 270 degrees");
        }
        if self.styles.len() > 16 {
            return refused("styles", "at most 16 styles are mixed");
        }
        let sound = |chosen: &Chosen| chosen.weight.is_finite() && chosen.weight >= 0.0;
        let any = self.styles.is_empty() || self.styles.iter().any(|c| c.weight > 0.0);
        if !(any && self.styles.iter().all(sound)) {
            return refused("styles", "weights are numbers from 0 up, and at least one is above 0");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_are_merged_and_checked() {
        let settings =
            Settings::default().patched(&json!({"strength": 0.5, "styles": [{"id": "wave"}]})).unwrap();
        assert_eq!((settings.strength, settings.steady), (0.5, Settings::default().steady));
        let shown = serde_json::to_value(settings.patched(&json!({"strength": 0.7})).unwrap()).unwrap();
        assert_eq!(shown["strength"], json!(0.7));
        assert_eq!((&shown["crop"], &shown["flash"]), (&json!(""), &json!("warn")));
        assert_eq!(settings.styles, [Chosen { id: "wave".into(), weight: 1.0 }]);
        for bad in [
            json!({"strength": 2}),
            json!({"strength": null}),
            json!({"brush": 0}),
            json!({"nonsense": 1}),
            json!({"resolution": 20}),
            json!({"split": 1.5}),
            json!({"rotate": 45}),
            json!({"crop": "all"}),
            json!({"flash": "never"}),
            json!({"styles": [{"id": "a", "weight": 0}]}),
            json!({"styles": [{"id": "a", "weight": -1}, {"id": "b"}]}),
            json!([1]),
        ] {
            assert!(Settings::default().patched(&bad).is_err(), "{bad}");
        }
    }
}
