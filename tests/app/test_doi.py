"""The ways in which people paste DOIs."""

import pytest
from harvest import doi

SICI = "10.1002/(sici)1097-4636(199905)45:2<140::aid-jbm9>3.0.co;2-n"


@pytest.mark.parametrize(
    "text",
    [
        "10.1000/ABC",
        "https://doi.org/10.1000/abc",
        "HTTPS://DX.DOI.ORG/10.1000/abc.",
        "doi.org/10.1000/abc?utm_source=mail#top",
        "doi:10.1000/abc",
        "DOI: 10.1000/abc;",
        "doi: https://doi.org/10.1000/abc",
        "(doi:10.1000/abc).",
        "<https://doi.org/10.1000/abc>",
        "10.1000/\u200babc\ufeff",
    ],
)
def test_one_paper_has_one_doi_however_it_is_written(text):
    assert doi.normal(text) == "10.1000/abc"


def test_signs_of_old_dois_are_kept_and_links_to_them_are_understood():
    assert doi.normal(SICI.upper()) == SICI
    assert doi.normal("https://doi.org/" + SICI.replace("<", "%3C").replace(">", "%3E")) == SICI
    assert doi.normal("10.1890/0012-9658(2006)87[1915:TCAMT]2.0.CO;2").endswith("2.0.co;2")


@pytest.mark.parametrize("text", ["", "10.1000", "see 10.1000/abc", "11.1000/abc", '10.1000/a"b', "doi:"])
def test_what_is_no_doi_is_none(text):
    assert doi.normal(text) is None


def test_a_pasted_list_is_parted_and_its_dois_are_not():
    text = f"doi: 10.1000/a, https://doi.org/10.1000/b;10.1000/c,doi:10.1000/d\n{SICI}; 10.1000/e;\n"
    assert [doi.normal(one) for one in doi.listed(text)] == [
        "10.1000/a",
        "10.1000/b",
        "10.1000/c",
        "10.1000/d",
        SICI,
        "10.1000/e",
    ]


@pytest.mark.parametrize(
    ("text", "dois"),
    [
        ("10.1000/abc)", ["10.1000/abc"]),
        ("[10.1000/abc](https://doi.org/10.1000/abc)", ["10.1000/abc"]),
        ("[Some title](https://doi.org/10.1016/S0140-6736(05)67889-7)", ["10.1016/s0140-6736(05)67889-7"]),
        ("10.1000/a，10.1000/b", ["10.1000/a", "10.1000/b"]),
        ("10.1000/a、10.1000/b。", ["10.1000/a", "10.1000/b"]),
        ("10.1000/abc\u200e", ["10.1000/abc"]),
        ("\u202a10.1000/abc\u202c", ["10.1000/abc"]),
        ("“10.1000/abc”.", ["10.1000/abc"]),
        ("doi：10.1000/abc", ["10.1000/abc"]),
        ("*10.1000/abc*", ["10.1000/abc"]),
        ("<10.1000/abc>, (10.1000/b)", ["10.1000/abc", "10.1000/b"]),
        ("(see 10.1000/abc)", ["10.1000/abc"]),
    ],
)
def test_dois_are_cut_out_of_what_people_paste(text, dois):
    assert doi.pasted([text]) == (dois, [])


def test_what_holds_no_doi_is_refused_as_it_was_written():
    assert doi.pasted(["my paper", "10.1000/a 10.2"]) == (["10.1000/a"], ["my paper", "10.2"])
