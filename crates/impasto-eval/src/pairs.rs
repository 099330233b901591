//! Which photo meets which painting.

/// Positions of a photo and a painting in their sorted folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The photo.
    pub content: usize,
    /// The painting.
    pub style: usize,
}

/// `count` pairs spread evenly over all `contents * styles`: pair `k` is number
/// `p = floor(k * contents * styles / count)`, photo `p div styles`, painting `p mod styles`. Never more than there are.
pub fn pairs(contents: usize, styles: usize, count: usize) -> Vec<Pair> {
    let all = contents * styles;
    let count = count.min(all);
    let pair = |p: usize| Pair { content: p / styles, style: p % styles };
    (0..count).map(|k| pair(k * all / count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_is_that_of_the_design() {
        let hundred = pairs(14, 14, 100);
        for (k, pair) in hundred.iter().enumerate() {
            let p = (1.96 * k as f64 + 1e-9).floor() as usize;
            assert_eq!((pair.content, pair.style), (p / 14, p % 14), "{k}");
        }
        let every_fourth: Vec<Pair> = hundred.iter().step_by(4).copied().collect();
        assert_eq!(pairs(14, 14, 25), every_fourth);
    }

    #[test]
    fn few_pictures_are_enough() {
        assert_eq!(pairs(1, 1, 100), [Pair { content: 0, style: 0 }]);
        assert_eq!(pairs(2, 3, 100).len(), 6);
        assert!(pairs(0, 3, 100).is_empty());
    }
}
