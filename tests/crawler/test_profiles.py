from __future__ import annotations

from pathlib import Path

import pytest

from crawler.profiles import (
    BUNDLED_FOLDER,
    Profile,
    ProfileError,
    StartPage,
    list_profiles,
    load_profile,
    parse_profile,
)
from storage.errors import ExitCode

SIMPLE = """\
base_url = "https://www.museum.example/art"

[categories]
paintings = "paintings"
"prints and drawings" = "/prints?sort=date"

[listing]
artworks = "css:a.work"
next = "css:a[rel=next]"

[artwork]
title = ["css:h1", "css:title"]
artist = "css:.artist"
images = "css:.viewer img"
"""


def parse(text: str = SIMPLE, name: str = "museum.toml") -> Profile:
    return parse_profile(text, Path(name))


def problem(text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        parse(text)
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert old in SIMPLE
    return SIMPLE.replace(old, new)


def test_a_simple_site_is_a_short_file() -> None:
    profile = parse()
    assert profile.name == "museum"
    assert profile.category_names == ("paintings", "prints and drawings")
    assert profile.starts() == (
        StartPage("https://www.museum.example/art/paintings", "paintings", "auto"),
        StartPage("https://www.museum.example/prints?sort=date", "prints and drawings", "auto"),
    )
    assert [source.written for source in profile.artwork.title or ()] == ["css:h1", "css:title"]
    assert profile.artwork.required == ("title", "images")
    assert profile.politeness.obey_robots
    assert profile.rendering.listing == "auto"
    assert len(SIMPLE.splitlines()) <= 30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            changed("title = [", "titel = ["),
            "museum.toml:12: artwork.titel: unknown key; did you mean 'title'?",
        ),
        (
            SIMPLE + "[politness]\ndelay = 1\n",
            "museum.toml:15: politness: unknown key; did you mean 'politeness'?",
        ),
        (SIMPLE + "[rendering.browser]\nscrol = true\n", "rendering.browser.scrol: unknown key"),
        (SIMPLE + "[[start]]\nurl = '/x'\nqqq = 1\n", "known here: url, category, rendering"),
        (changed('"css:a.work"', '"css:a["'), "museum.toml:8: listing.artworks: invalid CSS 'a['"),
        (
            changed('"css:.artist"', '{ name = "css:b", life = "xpath://i[" }'),
            "museum.toml:13: artwork.artist.life: invalid xpath expression '//i['",
        ),
        (
            changed('"css:.artist"', '{ css = "b", regex = "(" }'),
            "museum.toml:13: artwork.artist: invalid regular expression '('",
        ),
        (changed('"css:.artist"', "3"), "museum.toml:13: artwork.artist: a source is a string"),
        (
            changed('"css:.artist"', '{ each = "css:li", name = "xpath://b" }'),
            "'xpath://b' reads the whole page, not each element of 'each'; write 'xpath:.//b'",
        ),
        (
            SIMPLE + '[artwork.terms]\nstile = "css:a"\n',
            "museum.toml:16: artwork.terms: 'stile' is no kind of term; did you mean 'style'?",
        ),
        (SIMPLE + '[rendering]\nartwork = "yes"\n', "'yes' is no way of rendering"),
        (
            SIMPLE + '[rendering.browser]\nclick = "xpath://a"\n',
            "the browser needs a CSS selector",
        ),
        (
            SIMPLE + "[politeness]\nconcurrency = 0\n",
            "museum.toml:16: politeness.concurrency: input should be greater than or equal to 1,"
            " not 0",
        ),
        (
            changed('images = "css:.viewer img"\n', ""),
            "museum.toml:11: artwork: no source is given for 'images', which is required",
        ),
        (SIMPLE + 'required = ["titel"]\n', "no such field 'titel'; did you mean 'title'?"),
        (
            changed('"css:.viewer img"', '{ each = "css:figure", url = "jmespath:url" }'),
            "images.url: 'jmespath:url' reads JSON, and 'each' gives elements of the page",
        ),
        (
            changed('"css:.viewer img"', '{ each = "jmespath:media", url = "css:img" }'),
            "images.url: 'css:img' reads elements of the page, and 'each' gives JSON; use jmespath",
        ),
        (
            changed('artworks = "css:a.work"\n', ""),
            "museum.toml:7: listing: it leads nowhere; add artworks =",
        ),
        (SIMPLE[: SIMPLE.index("[artwork]")], "museum.toml: artwork: the table [artwork] is"),
        (changed("https://www", "ftp://www"), "museum.toml:1: base_url: 'ftp://www.museum"),
        (
            changed('base_url = "https://www.museum.example/art"', ""),
            "museum.toml:4: categories.paintings: 'paintings' is no address;"
            " give the site's base_url as well",
        ),
        (
            changed('[categories]\npaintings = "paintings"\n"prints and drawings" = ', "title = "),
            "nothing to begin with",
        ),
        (changed("[categories]", "[categories"), "museum.toml:3: no valid TOML"),
        ('name = "My Site"\n' + SIMPLE, "museum.toml:1: name: 'My Site' is no name for a site"),
        ('domains = ["http://x"]\n' + SIMPLE, "museum.toml:1: domains: 'http://x' is no domain"),
    ],
)
def test_wrong_profiles_are_refused_with_file_key_and_cure(text: str, message: str) -> None:
    assert message in problem(text)


def test_all_problems_are_told_at_once() -> None:
    text = changed("title = [", "titel = [").replace('"css:a.work"', '"css:a["')
    assert len(problem(text).splitlines()) == 2


def test_a_wrong_profile_is_wrong_usage() -> None:
    assert ProfileError("x").exit_code is ExitCode.USAGE


def test_profiles_are_found_by_name_and_path(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for folder, title in ((mine, "mine"), (theirs, "theirs")):
        folder.mkdir()
        (folder / "museum.toml").write_text(f'title = "{title}"\n{SIMPLE}', "utf-8")
    (theirs / "archive.toml").write_text("oops", "utf-8")
    folders = [mine, theirs, tmp_path / "absent"]
    assert load_profile("museum", folders=folders).title == "mine"
    assert load_profile("museum", folders=folders).path == mine / "museum.toml"
    assert load_profile(theirs / "museum.toml").label == "theirs"
    assert load_profile(str(theirs / "museum.toml")).label == "theirs"
    entries = list_profiles(folders=folders)
    assert [entry.name for entry in entries] == ["archive", "museum"]
    assert entries[0].profile is None
    assert "no valid TOML" in str(entries[0].error)
    assert entries[1].profile == load_profile("museum", folders=folders)
    with pytest.raises(ProfileError, match=r"unknown site 'musem'; did you mean 'museum'\?"):
        load_profile("musem", folders=folders)
    with pytest.raises(ProfileError, match="known sites: archive, museum"):
        load_profile("x", folders=folders)
    with pytest.raises(ProfileError, match="no such file"):
        load_profile(tmp_path / "absent.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'title = "\xe9"')
    with pytest.raises(ProfileError, match="not in UTF-8"):
        load_profile(path)


def test_hash_is_of_the_meaning() -> None:
    profile = parse()
    assert profile.hash == parse("# a comment\n" + SIMPLE + "[politeness]\ndelay = 0.5\n").hash
    assert profile.hash != parse(SIMPLE + "[politeness]\ndelay = 0.6\n").hash
    assert profile.hash != parse(changed("css:h1", "css:h2")).hash
    assert len(profile.hash) == 64


def test_base_url_can_be_replaced() -> None:
    profile = parse()
    assert profile.hosts == ("museum.example",)
    other = profile.with_base_url("http://127.0.0.1:9999")
    assert other.starts()[0].url == "http://127.0.0.1:9999/paintings"
    assert other.hosts == ("127.0.0.1",)
    assert other.path == profile.path
    assert other.artwork == profile.artwork
    assert profile.starts()[0].url.startswith("https://www.museum.example/")
    with pytest.raises(ProfileError, match="base_url: 'nowhere' is no http or https address"):
        profile.with_base_url("nowhere")


def test_pages_belong_to_the_domains_of_the_site() -> None:
    profile = parse('domains = ["Archive.example"]\n' + SIMPLE)
    assert profile.allows("https://museum.example/x")
    assert profile.allows("http://collection.museum.example/x")
    assert profile.allows("http://archive.example:81/x")
    assert not profile.allows("http://notmuseum.example/x")
    assert not profile.allows("http://museum.example.evil.example/x")


def test_categories_are_chosen_by_name() -> None:
    profile = parse()
    assert [page.category for page in profile.starts(["Paintings"])] == ["paintings"]
    with pytest.raises(ProfileError, match="no category 'paintngs'; did you mean 'paintings'"):
        profile.starts(["paintngs"])


def test_discovered_categories_cannot_be_known_beforehand() -> None:
    profile = parse(SIMPLE + '[discover]\nlinks = "css:nav a"\nrendering = "splash"\n')
    assert profile.discovers
    assert [page.discover for page in profile.starts()] == [None, None, 0]
    assert [page.category for page in profile.starts(["paintings"])] == ["paintings"]
    assert [page.category for page in profile.starts(["paintings", "new"])] == ["paintings", None]


def test_a_start_can_be_rendered() -> None:
    text = SIMPLE + '[[start]]\ncategory = "new"\nurl = "/new"\nrendering = "splash"\n'
    profile = parse(text + '[rendering.browser]\nclick = "css:button.more"\n')
    assert profile.starts(["new"])[0].rendering == "splash"
    assert profile.rendering.browser.click == "button.more"
    assert "'css:nav a::text': the browser needs" in problem(
        SIMPLE + '[rendering.browser]\nwait_for = "css:nav a::text"\n'
    )


def test_words_of_the_site_become_terms_in_any_case() -> None:
    profile = parse(
        SIMPLE + '[artwork.terms]\nstyle = "css:a"\n[artwork.term_map.style]\n"Op-Art " = "op art"'
    )
    assert profile.artwork.term_map == {"style": {"op-art": "op art"}}


def test_bundled_profiles_are_right() -> None:
    entries = list_profiles(folders=[BUNDLED_FOLDER])
    assert {"demo", "folder"} <= {entry.name for entry in entries}
    for entry in entries:
        assert entry.error is None
        assert entry.profile is not None
        assert entry.profile.title


GENERAL = """
general = true
[listing]
artworks = "css:a.work"
[artwork]
title = "css:h1"
images = "css:img"
"""


def test_a_general_profile_is_made_one_of_a_site_by_where_it_begins() -> None:
    general = parse(GENERAL)
    assert general.starts() == ()
    profile = general.with_starts(["https://art.example/collections/All?x=1"])
    assert profile.name == "museum-art-example-collections-all-x-1"
    assert [page.url for page in profile.starts()] == ["https://art.example/collections/All?x=1"]
    assert profile.allows("https://art.example/work/1")
    assert not profile.allows("https://elsewhere.example/work/1")
    other = general.with_starts(["https://art.example/collections/all"])
    assert other.name != profile.name
    both = general.with_starts(["https://a.example/", "https://b.example/"])
    assert both.allows("https://b.example/1")
    assert both.name != general.with_starts(["https://a.example/"]).name


def test_only_a_general_profile_is_told_where_to_begin() -> None:
    with pytest.raises(ProfileError, match="knows where to begin"):
        parse().with_starts(["https://www.museum.example/other"])
    with pytest.raises(ProfileError, match="'ftp://x' is no http or https address"):
        parse(GENERAL).with_starts(["ftp://x"])


def test_a_profile_says_how_its_pages_may_be_rendered() -> None:
    assert parse().renders_with("auto")
    assert not parse().renders_with("splash", "chromium")
    never = '[rendering]\nlisting = "never"\nartist = "never"\nartwork = "never"\n'
    assert not parse(SIMPLE + never).renders_with("auto")
    start = '[[start]]\nurl = "/new"\nrendering = "chromium"\n'
    assert parse(SIMPLE + never + start).renders_with("chromium")
