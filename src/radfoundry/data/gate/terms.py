"""What the standard's terms for views and body parts mean; free text never leaves this module.

Views: PS3.3 C.7.3.1.1.14 (ViewPosition), PS3.16 CID 4010. Body parts: PS3.16 Annex L, CID 4031.
"""

import re

FRONTAL_VIEWS = ("PA", "AP", "FRONTAL")
LATERAL_VIEWS = ("LL", "RL", "LATERAL")
OBLIQUE_VIEWS = ("LAO", "RAO", "LPO", "RPO", "LLO", "RLO", "OBLIQUE")
DECUBITUS_VIEWS = ("LLD", "RLD", "DECUBITUS")
OTHER_VIEWS = ("CC", "MLO", "ML", "LM", "AXIAL", "TANGENTIAL", "SKYLINE", "SUNRISE", "DORSOPLANTAR")
VIEWS = (*FRONTAL_VIEWS, *LATERAL_VIEWS, *OBLIQUE_VIEWS, *DECUBITUS_VIEWS, *OTHER_VIEWS)

VIEW_WORDS = (
    ("DECUBITUS", r"DECUB(ITUS)?|DECUBITO"),
    ("OBLIQUE", r"OBL|OBLIQUE|OBLICUA|SCHRAEG"),
    ("MLO", r"MLO"),
    ("CC", r"(X|RL|LM)?CC[LM]?|CRANIO ?CAUDAL"),
    ("ML", r"MEDIO ?LATERAL|MEDIAL LATERAL"),
    ("LM", r"LATERO ?MEDIAL|LATERAL MEDIAL"),
    ("AXIAL", r"CAUDO ?CRANIAL|(SUBMENTO|VERTICO)\w+"),
    ("DORSOPLANTAR", r"DORSO ?PLANTAR|PLANTO ?DORSAL"),
    ("LL", r"LLAT|L(EFT)? LAT(ERAL)?|LAT(ERAL)? L(EFT|T)?|LT LAT(ERAL)?"),
    ("RL", r"RLAT|R(IGHT)? LAT(ERAL)?|LAT(ERAL)? R(IGHT|T)?|RT LAT(ERAL)?"),
    ("LATERAL", r"LAT|LATERAL|LATERALE|LATERALLY|SAG|SAGITTAL|SEITLICH|PROFIL|PROFILE"),
    ("PA", r"POST(ERO|ERIOR)? ?ANT(ERIOR)?|P A"),
    ("AP", r"ANT(ERO|ERIOR)? ?POST(ERIOR)?|A P"),
)

CHEST = ("CHEST", "THORAX", "LUNG", "HEART", "RIB", "MEDIASTINUM", "BRONCHUS", "WHOLEBODY")
CHEST_WITH_MORE = ("CHESTABDOMEN", "CHESTABDPELVIS", "NECKCHEST", "NECKCHESTABDOMEN", "TRUNK")
CHEST_PARTS = (*CHEST, *CHEST_WITH_MORE)
OTHER_PARTS = (
    *("ABDOMEN", "ABDOMENPELVIS", "ADRENAL", "ANKLE", "ANUS", "AORTA", "APPENDIX", "ARM", "AXILLA"),
    *("BACK", "BLADDER", "BRAIN", "BREAST", "BUTTOCK", "CALCANEUS", "CALF", "CAROTID"),
    *("CEREBELLUM", "CERVIX", "CHEEK", "CLAVICLE", "COCCYX", "COLON", "CORNEA", "CSPINE"),
    *("CERVICALSPINE", "CTSPINE", "DUODENUM", "EAR", "ELBOW", "ESOPHAGUS", "EXTREMITY", "EYE"),
    *("EYELID", "FACE", "FEMUR", "FIBULA", "FINGER", "FOOT", "FOREARM", "GALLBLADDER", "GROIN"),
    *("HAND", "HEAD", "HEADNECK", "HIP", "HUMERUS", "ILEUM", "ILIUM", "IAC", "JAW", "JEJUNUM"),
    *("KIDNEY", "KNEE", "KUB", "LARYNX", "LEG", "LIVER", "LOWERLEG", "LOWERLIMB", "LSPINE"),
    *("LUMBARSPINE", "LSSPINE", "MANDIBLE", "MASTOID", "MAXILLA", "METACARPUS", "METATARSUS"),
    *("MOUTH", "NASALBONE", "NECK", "NOSE", "ORBIT", "OVARY", "PANCREAS", "PAROTID", "PATELLA"),
    *("PELVIS", "PENIS", "PHALANX", "PHARYNX", "PROSTATE", "RADIUS", "RADIUSULNA", "RECTUM"),
    *("SACRUM", "SCAPULA", "SCLERA", "SCROTUM", "SELLATURCICA", "SHOULDER", "SIJOINT", "SINUS"),
    *("SKULL", "SPINE", "SPLEEN", "STERNUM", "STOMACH", "TEETH", "TESTIS", "THIGH", "THUMB"),
    *("THYMUS", "THYROID", "TIBIA", "TIBIAFIBULA", "TLSPINE", "TMJ", "TOE", "TONGUE", "TOOTH"),
    *("TRACHEA", "TSPINE", "THORACICSPINE", "ULNA", "UPPERARM", "UPPERLIMB", "URETER", "URETHRA"),
    *("UTERUS", "VAGINA", "VULVA", "WRIST", "ZYGOMA"),
)
PARTS = (*CHEST_PARTS, *OTHER_PARTS)
SHORTER = {
    **{"HAENDE": "HAND", "LOWEXM": "EXTREMITY", "UPEXM": "EXTREMITY", "LEXT": "EXTREMITY"},
    **{"UEXT": "EXTREMITY", "LSPIN": "LSPINE", "TSPIN": "TSPINE", "CSPIN": "CSPINE"},
    **{"FEET": "FOOT", "MAMMA": "BREAST", "BREASTS": "BREAST", "ABD": "ABDOMEN", "ABDO": "ABDOMEN"},
    **{"BELLY": "ABDOMEN", "SI": "SIJOINT", "DENTAL": "TEETH", "CXR": "CHEST", "TORAX": "THORAX"},
    **{
        "ENTIREBODY": "WHOLEBODY",
        "BABYGRAM": "WHOLEBODY",
        "THORACIC": "THORAX",
        "PELVIC": "PELVIS",
    },
    **{"LUMBOSACRALSPINE": "LSSPINE", "THORACOLUMBARSPINE": "TLSPINE", "CRANIUM": "SKULL"},
    **{"CERVICOTHORACICSPINE": "CTSPINE", "HEADANDNECK": "HEADNECK", "KNEES": "KNEE"},
}


def view_of(text: str) -> str | None:
    """Return which of `VIEWS` a text states, or None where it states none or several.

    >>> view_of("LL"), view_of("Chest Lat."), view_of("AP PORTABLE"), view_of("Jane Doe")
    ('LL', 'LATERAL', 'AP', None)
    """
    words = re.sub(r"[^A-Z]+", " ", text.upper()).split()
    joined = " ".join(words)
    found = [word for word in words if word in VIEWS]
    found += [view for view, form in VIEW_WORDS if re.search(rf"\b(?:{form})\b", joined)]
    telling = [view for view in found if view in (*OBLIQUE_VIEWS, *DECUBITUS_VIEWS)] or found
    frontal = {view in FRONTAL_VIEWS for view in telling}
    return min(telling, key=len) if len(frontal) == 1 else None


def body_part_of(text: str) -> str | None:
    """Return which of `PARTS` a text states, or None; a chest among several parts is a chest.

    >>> body_part_of("Foot"), body_part_of("PORT CHEST"), body_part_of("T SPINE")
    ('FOOT', 'CHEST', 'TSPINE')
    """
    words = re.sub(r"[^A-Z]+", " ", text.upper()).split()
    phrases = ["".join(words[a:b]) for a in range(len(words)) for b in range(len(words), a, -1)]
    found = [part for phrase in phrases if (part := _part(phrase))]
    spine = [part for part in found if part.endswith("SPINE")]
    chest = [part for part in found if part in CHEST_PARTS]
    return next(iter([*spine, *chest, *found]), None)


def _part(phrase: str) -> str | None:
    forms = (phrase, SHORTER.get(phrase, ""), phrase.removesuffix("S"), phrase.removesuffix("ES"))
    return next((form for form in forms if form in PARTS), None)
