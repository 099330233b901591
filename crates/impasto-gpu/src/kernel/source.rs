//! Kernel texts: constants in front, loops unrolled.
//!
//! Drivers keep an array in registers only where they unroll every loop over it, and checks that are put around loops
//! stop some of them. So kernels unroll by text:
//!
//! ```text
//! #for p in ROWS          a line; ROWS is a constant of the kernel
//!     var sum_$p = 0.0;   `$p` becomes 0, 1, ...
//!     sum_#(2*$p+1)       a sum of products of numbers and constants, worked out
//! #end
//! #if POOL                the lines up to `#end` stand only where the constant is not 0
//! ```

use std::fmt::Write;

/// The type of stored values, and the ways to it; what is too large for 16 bits becomes the largest value, not infinite.
const SINGLE: &str = "\
alias Real = f32;
alias Quad = vec4<f32>;
fn real(v: f32) -> Real { return v; }
fn narrow(v: vec4<f32>) -> Quad { return v; }
";
const HALF: &str = "\
enable f16;
alias Real = f16;
alias Quad = vec4<f16>;
fn real(v: f32) -> Real { return f16(clamp(v, -65504.0, 65504.0)); }
fn narrow(v: vec4<f32>) -> Quad { return Quad(clamp(v, vec4<f32>(-65504.0), vec4<f32>(65504.0))); }
";

/// A kernel's text for one choice of its constants.
#[derive(Clone, Debug)]
pub struct Source {
    name: &'static str,
    template: String,
    constants: Vec<(&'static str, u32)>,
    half: bool,
}

impl Source {
    /// The kernel `name`; with `half`, activations and weights are stored as `f16`.
    pub fn new(name: &'static str, template: &str, half: bool) -> Source {
        Source { name, template: template.into(), constants: vec![], half }
    }

    /// The same with activations and weights in `f32` all the same.
    pub fn single(self) -> Source {
        Source { half: false, ..self }
    }

    /// Name of the kernel.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A constant `u32` of the kernel.
    pub fn with(mut self, name: &'static str, value: impl Into<u32>) -> Source {
        self.constants.push((name, value.into()));
        self
    }

    /// Text that stands before the kernel's own.
    pub fn after(mut self, text: &str) -> Source {
        self.template.insert_str(0, text);
        self
    }

    /// The whole text.
    pub fn text(&self) -> String {
        let mut text = String::from(if self.half { HALF } else { SINGLE });
        for (name, value) in &self.constants {
            writeln!(text, "const {name}: u32 = {value}u;").expect("strings take all");
        }
        let lines: Vec<&str> = self.template.lines().collect();
        self.expand(&lines, &[], &mut text);
        text
    }

    fn expand(&self, lines: &[&str], loops: &[(String, u32)], text: &mut String) {
        let mut at = 0;
        while at < lines.len() {
            let words: Vec<&str> = lines[at].split_whitespace().collect();
            let end = at + block_len(&lines[at..]);
            match words[..] {
                ["#for", variable, "in", count] => {
                    for i in 0..self.constant(count) {
                        let inner = [loops, &[(format!("${variable}"), i)]].concat();
                        self.expand(&lines[at + 1..end], &inner, text);
                    }
                }
                ["#if", constant] if self.constant(constant) != 0 => {
                    self.expand(&lines[at + 1..end], loops, text);
                }
                ["#if", _] => {}
                _ => {
                    let with = |line: String, (name, i): &(String, u32)| line.replace(name, &i.to_string());
                    text.push_str(&self.worked_out(loops.iter().fold(lines[at].to_owned(), with)));
                    text.push('\n');
                }
            }
            at = end + 1;
        }
    }

    /// The line with each `#(sum)` as a number.
    fn worked_out(&self, mut line: String) -> String {
        while let Some(start) = line.find("#(") {
            let end = start + line[start..].find(')').expect("a sum in a kernel has an end");
            let factor = |word: &str| word.parse().unwrap_or_else(|_| self.constant(word));
            let sum: u32 = line[start + 2..end]
                .split('+')
                .map(|term| term.split('*').map(factor).product::<u32>())
                .sum();
            line.replace_range(start..=end, &sum.to_string());
        }
        line
    }

    fn constant(&self, name: &str) -> u32 {
        let found = self.constants.iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("kernel `{}` has no constant `{name}`", self.name)).1
    }
}

/// The distance to the line that ends the block which begins at the first line; 0 where none begins.
fn block_len(lines: &[&str]) -> usize {
    let mut depth = 0;
    for (i, line) in lines.iter().enumerate() {
        match line.split_whitespace().next() {
            Some("#for" | "#if") => depth += 1,
            Some("#end") => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    panic!("a block of a kernel has no end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_and_conditions_unroll() {
        let template = "a\n#for p in N\n#for q in M\nx_$p_$q\n#end\n#if NO\nno\n#end\n#if N\nyes y#(2*$p+M)\n#end\n#end\nb\n";
        let source = Source::new("k", template, false).with("N", 2u32).with("M", 2u32).with("NO", false);
        let text = source.text();
        let body: Vec<&str> = text.lines().skip_while(|line| *line != "a").collect();
        assert_eq!(body, ["a", "x_0_0", "x_0_1", "yes y2", "x_1_0", "x_1_1", "yes y4", "b"]);
        assert!(text.starts_with("alias Real = f32;\n"));
        assert!(Source::new("k", "", true).text().starts_with("enable f16;\nalias Real = f16;\n"));
    }
}
