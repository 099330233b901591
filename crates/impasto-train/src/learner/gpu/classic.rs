//! The classic network's passes: only the decoder is learned. It makes pictures of the loss network's own features.

use super::judge::{Photos, adain_target};
use super::losses;
use super::sums::{Losses, Sums};
use super::walk::output;
use super::{Room, Share, picture_losses, stacked};
use crate::data::window;
use crate::learner::{Group, View};
use burn::tensor::Tensor;
use impasto_core::Tensor as Picture;

/// The only table is the decoder's.
#[derive(Clone, Copy)]
pub(super) struct Classic;

impl Classic {
    /// All passes over some groups: one for each of their styles, and one that must give the photos back.
    ///
    /// # Errors
    /// The device's words if it failed.
    pub fn passes(self, room: &Room, groups: &[&Group], share: Share, sums: &mut Sums) -> Result<(), String> {
        let seen = room.referee.look_at_content(groups, room.recipe);
        let photos: Vec<Picture> =
            groups.iter().map(|g| window(&g.content, g.view.at, g.view.side)).collect();
        let photos = stacked(photos.iter(), room.device);
        if room.recipe.content > 0.0 || room.recipe.style > 0.0 {
            for number in 0..groups[0].styles.len() {
                let losses = paint(room, (groups, number), &photos, &seen, share)?;
                sums.add(losses);
            }
        }
        if room.recipe.identity > 0.0 {
            let identity = losses::l1(decoded(room, seen.deepest().0), photos) * share.group;
            sums.add(Losses { identity: Some(identity), ..Losses::default() });
        }
        Ok(())
    }
}

/// The losses of the photos, each painted in its `number`-th style.
fn paint(
    room: &Room,
    (groups, number): (&[&Group], usize),
    photos: &Tensor<4>,
    seen: &Photos,
    share: Share,
) -> Result<Losses, String> {
    let styles: Vec<_> = groups.iter().map(|g| &g.styles[number]).collect();
    let wanted = room.referee.look_at_styles(&styles, room.recipe.style_kind)?;
    let (features, content) = seen.deepest();
    let target = adain_target(features, &content, &wanted.deepest(), room.recipe.gain_limit);
    let pastiches = decoded(room, target);
    let side = pastiches.dims()[2];
    let whole = vec![View { at: (0, 0), side }; groups.len()];
    let seeds = groups.iter().map(|g| g.seed ^ number as u64);
    let verdict = room.referee.judge((&pastiches, &whole), seen, &wanted, room.recipe, seeds);
    Ok(picture_losses(&pastiches, photos, verdict, room.recipe, share))
}

fn decoded(room: &Room, features: Tensor<4>) -> Tensor<4> {
    output(&room.tables[0].program, &room.leaves[0], features, None).map()
}
