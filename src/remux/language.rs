//! Language codes: what playlists, manifests and containers say, as ISO 639-2, which descriptors want.

/// ISO 639-1 codes, each with its ISO 639-2/T code after it.
const CODES: &str = "\
    aaaar ababk aeave afafr akaka amamh anarg arara asasm avava ayaym azaze babak bebel bgbul bibis \
    bmbam bnben bobod brbre bsbos cacat ceche chcha cocos crcre csces cuchu cvchv cycym dadan dedeu \
    dvdiv dzdzo eeewe elell eneng eoepo esspa etest eueus fafas ffful fifin fjfij fofao frfra fyfry \
    gagle gdgla glglg gngrn guguj gvglv hahau heheb hihin hohmo hrhrv hthat huhun hyhye hzher iaina \
    idind ieile igibo iiiii ikipk ioido isisl itita iuiku jajpn jvjav kakat kgkon kikik kjkua kkkaz \
    klkal kmkhm knkan kokor krkau kskas kukur kvkom kwcor kykir lalat lbltz lglug lilim lnlin lolao \
    ltlit lulub lvlav mgmlg mhmah mimri mkmkd mlmal mnmon mrmar msmsa mtmlt mymya nanau nbnob ndnde \
    nenep ngndo nlnld nnnno nonor nrnbl nvnav nynya ococi ojoji omorm orori ososs papan pipli plpol \
    pspus ptpor quque rmroh rnrun roron rurus rwkin sasan scsrd sdsnd sesme sgsag sisin skslk slslv \
    smsmo snsna sosom sqsqi srsrp ssssw stsot susun svswe swswa tatam tetel tgtgk ththa titir tktuk \
    tltgl tntsn toton trtur tstso tttat twtwi tytah uguig ukukr ururd uzuzb veven vivie vovol wawln \
    wowol xhxho yiyid yoyor zazha zhzho zuzul";

/// The ISO 639-2 code of a BCP 47 tag (`en-GB`) or an ISO 639 code; `None` for what says nothing.
pub(super) fn iso639_2(tag: &str) -> Option<String> {
    let primary = tag.split(['-', '_']).next()?.trim().to_ascii_lowercase();
    if !primary.bytes().all(|b| b.is_ascii_lowercase()) {
        return None;
    }
    match primary.len() {
        2 => CODES
            .split(' ')
            .find_map(|pair| pair.strip_prefix(&*primary))
            .map(str::to_owned),
        3 if !matches!(&*primary, "und" | "zxx" | "mis") => Some(primary),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_codes() {
        for (tag, code) in [
            ("en", Some("eng")),
            ("de-AT", Some("deu")),
            ("FRA", Some("fra")),
            ("zu", Some("zul")),
            ("und", None),
            ("", None),
            ("x1", None),
            ("qq", None),
            ("english", None),
        ] {
            assert_eq!(iso639_2(tag).as_deref(), code, "{tag}");
        }
    }
}
