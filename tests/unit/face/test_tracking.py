from dataclasses import replace

import numpy as np
import pytest

from realesr.face.alignment import TEMPLATE
from realesr.face.detection import Face
from realesr.face.tracking import FADE_FRAMES, Tracker

RNG = np.random.default_rng(0)
SCENE = RNG.integers(0, 256, (240, 320, 3), np.uint8).repeat(1, axis=0)
OTHER = RNG.integers(0, 256, (240, 320, 3), np.uint8)


def face(x=100.0, y=80.0, score=0.99):
    landmarks = TEMPLATE * 0.2 + (x, y)
    return Face((x + 20, y + 20, x + 85, y + 100), score, landmarks)


def test_a_face_that_is_there_from_the_start_is_shown_at_once():
    assert [visibility for _, visibility in Tracker(0.9)(SCENE, [face()])] == [1.0]


def test_one_that_comes_later_fades_in():
    track = Tracker(0.9)
    track(SCENE, [face()])
    shown = [track(SCENE, [face(), face(x=210)])[1][1] for _ in range(FADE_FRAMES)]
    assert shown == pytest.approx([(n + 1) / FADE_FRAMES for n in range(FADE_FRAMES)])


def test_one_that_is_missed_is_held_and_comes_back():
    track = Tracker(0.9)
    track(SCENE, [face()])
    ((held, visibility),) = track(SCENE, [])
    assert held.box == face().box
    assert 0 < visibility < 1
    ((_, visibility),) = track(SCENE, [face()])
    assert visibility == 1


def test_one_that_has_gone_fades_out():
    track = Tracker(0.9)
    track(SCENE, [face()])
    shown = [track(SCENE, []) for _ in range(FADE_FRAMES + 1)]
    assert len(shown[0]) == 1
    assert shown[-1] == []


def test_nothing_is_held_into_another_scene():
    track = Tracker(0.9)
    track(SCENE, [face()])
    assert track(OTHER, []) == []
    assert [visibility for _, visibility in track(OTHER, [face(x=10)])] == [1.0]


def test_doubtful_faces_are_followed_but_not_begun():
    track = Tracker(0.9)
    assert track(SCENE, [face(score=0.8)]) == []
    track(SCENE, [face()])
    assert len(track(SCENE, [face(score=0.8)])) == 1


def test_trembling_is_steadied_and_movement_followed():
    rng = np.random.default_rng(1)
    track = Tracker(0.9)
    seen = []
    for _ in range(60):
        ((found, _),) = track(SCENE, [face(x=100 + rng.normal(0, 0.7))])
        seen.append(found.landmarks[0, 0])
    jitter = np.diff(seen[5:]).std()
    assert jitter < 0.5 * np.sqrt(2) * 0.7
    ((found, _),) = track(SCENE, [face(x=115)])
    assert found.landmarks[0, 0] == pytest.approx(face(x=115).landmarks[0, 0], abs=1)


def test_two_faces_keep_apart():
    track = Tracker(0.9)
    left, right = face(x=40), face(x=180)
    track(SCENE, [left, right])
    found = track(SCENE, [replace(right, score=0.97), left])
    assert sorted(round(each.box[0]) for each, _ in found) == [60, 200]
