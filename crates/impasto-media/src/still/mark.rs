//! The mark in a painted picture: an XMP packet that says a program with a trained network made it of a photo.
//!
//! IPTC's property `DigitalSourceType` with the value *compositeWithTrainedAlgorithmicMedia* ("a picture modified by a
//! trained model") and IPTC 2025.1's `AISystemUsed`. It holds no word about the person, the place or the time.

/// The value of `DigitalSourceType`.
pub const SOURCE_TYPE: &str =
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";

/// Every packet of ours holds these bytes.
const SIGN: &[u8] = b"xmp:CreatorTool=\"Impasto ";

/// The XMP packet of a picture that `model` painted in `style`.
pub fn packet(model: &str, style: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let (model, style) = (escaped(model), escaped(style));
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n\
         <rdf:Description rdf:about=\"\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" \
         xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" xmlns:impasto=\"urn:impasto:1.0/\" \
         xmp:CreatorTool=\"Impasto {version}\" Iptc4xmpExt:DigitalSourceType=\"{SOURCE_TYPE}\" \
         Iptc4xmpExt:AISystemUsed=\"Impasto, model {model}\" Iptc4xmpExt:AISystemVersionUsed=\"{version}\" \
         impasto:Model=\"{model}\" impasto:Style=\"{style}\"/>\n\
         </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"w\"?>"
    )
}

/// Whether these bytes of a file hold a packet of ours.
pub fn is_in(bytes: &[u8]) -> bool {
    bytes.windows(SIGN.len()).any(|part| part == SIGN)
}

/// Text as an XML attribute takes it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_recognised_and_names_are_escaped() {
        let packet = packet("light", "\"waves\" & <more>");
        assert!(is_in(packet.as_bytes()) && packet.contains(SOURCE_TYPE));
        assert!(packet.contains("&quot;waves&quot; &amp; &lt;more&gt;"), "{packet}");
        assert!(!is_in(b"xmp:CreatorTool=\"GIMP 2.10\""));
    }
}
