"""What the supervisor shows and keeps of the lines of its processes, none of which is needed for that."""

import io
import os

import pytest

from psms.embedded.output import Lines, LogFile, Output, Terminal, wants_colour

RED = "\x1b[31m"
RESET = "\x1b[0m"


@pytest.mark.parametrize(
    ("variables", "is_terminal", "answer"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": ""}, True, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
    ],
)
def test_colour_is_for_people_unless_the_environment_decides(variables, is_terminal, answer):
    assert wants_colour(variables, is_terminal=is_terminal) is answer


def test_a_stream_is_cut_into_lines_wherever_its_chunks_end():
    lines = Lines()
    assert lines.feed(b"on") == []
    assert lines.feed(b"e\r\ntw") == [b"one"]
    assert lines.feed(b"o\n\nthree") == [b"two", b""]
    assert lines.finish() == [b"three"]
    assert lines.finish() == []


def test_a_line_without_end_is_cut():
    lines = Lines()
    assert lines.feed(b"x" * 65_536) == [b"x" * 65_536]
    assert lines.finish() == []


def _shown(tmp_path, *lines, colour=False):
    stream = io.BytesIO()
    output = Output(tmp_path, colour=colour, stream=stream)
    for line in lines:
        output.line("api", line)
    output.close()
    return stream.getvalue().decode().splitlines()


def test_a_line_is_shown_behind_its_time_and_name(tmp_path):
    [line] = _shown(tmp_path, b"hello")
    assert line[8:] == " api      | hello"
    assert line[2] == line[5] == ":"


def test_the_prefix_has_a_colour_of_its_own_for_each_name(tmp_path):
    stream = io.BytesIO()
    output = Output(tmp_path, colour=True, stream=stream)
    for name in ("api", "core", "api"):
        output.line(name, b"x")
    output.close()
    first, second, third = (line.partition(b"m")[0] for line in stream.getvalue().splitlines())
    assert first == third
    assert first != second


def test_what_a_line_brings_from_outside_cannot_drive_the_terminal(tmp_path):
    hostile = b"a\x1b]0;title\x07b\x1b[2Jc\x9bd\rE\te"
    harmless = " a\\x1b]0;title\\x07b\\x1b[2Jc�d\\x0dE\te"
    assert _shown(tmp_path, hostile)[0].partition("|")[2] == harmless
    assert _shown(tmp_path, hostile, colour=True)[0].partition("|")[2] == RESET + harmless


def test_colours_of_a_line_are_kept_on_a_coloured_terminal_and_end_with_the_line(tmp_path):
    line = f"{RED}wrong".encode()
    assert _shown(tmp_path, line)[0].endswith("| wrong")
    assert _shown(tmp_path, line, colour=True)[0].endswith(f" {RED}wrong{RESET}")


def test_the_log_file_has_the_line_as_it_was_written(tmp_path):
    _shown(tmp_path, b"\xff\x1b[2J", b"two")
    assert (tmp_path / "api.log").read_bytes() == b"\xff\x1b[2J\ntwo\n"


def test_an_announcement_has_no_prefix(tmp_path):
    stream = io.BytesIO()
    output = Output(tmp_path, colour=True, stream=stream)
    output.announce("PSMS is ready\n\n  API")
    output.close()
    assert stream.getvalue() == b"PSMS is ready\n\n  API\n"


def test_a_log_file_starts_anew_when_it_is_long_and_the_one_before_is_kept(tmp_path):
    path = tmp_path / "api.log"
    path.write_bytes(b"x" * 10 * 1024 * 1024)
    log = LogFile(path)
    log.write(b"new")
    log.close()
    assert path.read_bytes() == b"new\n"
    assert (tmp_path / "api.log.1").stat().st_size == 10 * 1024 * 1024


def test_a_terminal_that_nobody_reads_holds_up_nothing_and_says_what_is_missing():
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as stream, os.fdopen(reading, "rb") as reader:
        terminal = Terminal(stream)
        for number in range(20_000):
            terminal.offer(b"%06d %s" % (number, b"x" * 100))
        terminal.insist(b"last")
        terminal.close(within_s=0.1)
        lines = [b""]
        while _accounted_for(lines) < 20_000 or b"last" not in lines:
            *whole, rest = (lines.pop() + reader.read1(65_536)).split(b"\n")
            lines += [*whole, rest]
    assert lines[0].startswith(b"000000 ")
    assert any(b"lines left out here" in line for line in lines)


def _accounted_for(lines):
    left_out = sum(int(line.split()[1]) for line in lines if line.startswith(b"..."))
    return left_out + sum(line.endswith(b"x" * 100) for line in lines)


def test_a_reader_that_went_away_disturbs_nobody():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as stream:
        terminal = Terminal(stream)
        terminal.offer(b"one")
        terminal.offer(b"two")
        terminal.close()
