#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tests/timeline/check.py DIR: are the recordings in DIR what they should be?

Against the Trace Event Format as published, against themselves (nobody runs twice, a pCPU
is not run by two), and against what the kernel counted. KTAP lines.
"""
import json
import os
import sys
import xml.etree.ElementTree as ET

PCPU, SCHED, FLIP, VCPU = 10, 100010, 200010, 1000000
PHASES = {'M': (), 'X': ('ts', 'dur'), 'i': ('ts', 's'), 'C': ('ts',)}
STATES = {'blocked', 'waiting', 'offered', 'running', 'halted', 'host'}
EPS = 0.0011    # us: times are written with three digits


class Wrong(Exception):
    pass


def must(good, why):
    if not good:
        raise Wrong(why)


def load(path):
    trace = json.load(open(path, encoding='utf-8'))
    must(trace['displayTimeUnit'] in ('ms', 'ns'), 'displayTimeUnit')
    return trace


def by_format(trace):
    """Each event has what its phase needs; tracks are named; nothing outside the window."""
    end = trace['otherData']['length_ns'] / 1e3
    names = set()
    for e in trace['traceEvents']:
        must(e.get('ph') in PHASES and isinstance(e.get('name'), str), f'event {e}')
        must(isinstance(e['pid'], int) and isinstance(e['tid'], int), f'tracks of {e}')
        must(isinstance(e.get('args', {}), dict), f'args of {e}')
        for key in PHASES[e['ph']]:
            must(key in e, f'{key} is missing in {e}')
        if e['ph'] == 'M':
            if e['name'] == 'thread_name':
                must(e['tid'] not in names, f'two tracks with the number {e["tid"]}')
                names.add(e['tid'])
            continue
        must(0 <= e['ts'] <= end + EPS and e['ts'] + e.get('dur', 0) <= end + EPS, f'outside: {e}')
        must(e['tid'] in names, f'track without a name: {e}')
        if e['ph'] == 'i':
            must(e['s'] in ('g', 'p', 't'), f'scope of {e}')
        if e['ph'] == 'C':
            must(all(isinstance(v, int) and v >= 0 for v in e['args'].values()), f'counter {e}')


def slices(trace, low, high):
    out = {}
    for e in trace['traceEvents']:
        if e['ph'] == 'X' and low <= e['tid'] < high:
            out.setdefault(e['tid'], []).append(e)
    for track in out.values():
        track.sort(key=lambda e: (e['ts'], e['ts'] + e['dur']))
    return out


def no_overlap(trace):
    """A pCPU is run by one at a time, a vCPU is in one state and on one pCPU at a time."""
    for low, high in ((PCPU, SCHED), (SCHED, FLIP), (VCPU, 1 << 40)):
        for tid, track in slices(trace, low, high).items():
            for a, b in zip(track, track[1:]):
                must(a['ts'] + a['dur'] <= b['ts'] + EPS, f'track {tid}: {a} and {b} overlap')
    turns = {}
    for track in slices(trace, PCPU, SCHED).values():
        for e in track:
            turns.setdefault(e['args']['entity'], []).append((e['ts'], e['ts'] + e['dur']))
    for entity, spans in turns.items():
        spans.sort()
        for a, b in zip(spans, spans[1:]):
            must(a[1] <= b[0] + EPS, f'entity {entity} runs twice at {b[0]}')


def everybody(trace):
    """Each vCPU has a track, states that the format knows, and turns."""
    vcpus = trace['otherData']['vcpus']
    must(len(vcpus) >= 4, f'only {len(vcpus)} vCPUs')
    states = slices(trace, VCPU, 1 << 40)
    for v in vcpus:
        track = states.get(VCPU + v['entity'], [])
        must(track, f'{v["vm"]} is not there')
        must({e['name'] for e in track} <= STATES, f'states of {v["vm"]}')
        must(v['run_ns'] > 0, f'{v["vm"]} never ran')


def sums(trace, slack_ms):
    """What is drawn is what the kernel counted."""
    drawn = {}
    for track in slices(trace, PCPU, SCHED).values():
        for e in track:
            if e['cat'] == 'run':
                drawn[e['args']['entity']] = drawn.get(e['args']['entity'], 0) + e['dur'] * 1e3
    told, worst = [], 0
    for v in trace['otherData']['vcpus']:
        mine = drawn.get(v['entity'], 0)
        must(abs(mine - v['run_ns']) < 1e3 * len(trace['traceEvents']) * 0.002,
             f'{v["vm"]}: the turns are {mine} ns, the sum says {v["run_ns"]}')
        off = (v['run_ns'] - v['kernel_run_ns']) / 1e6
        worst = max(worst, abs(off))
        told.append(f'{v["vm"]} {v["run_ns"] / 1e6:.1f}/{v["kernel_run_ns"] / 1e6:.1f}')
    print('# drawn/counted, ms: ' + ', '.join(told))
    must(worst <= slack_ms, f'drawn and counted differ by {worst:.2f} ms')


def swap(trace, old, new):
    """The change lies inside; on each pCPU all that was picked before is the old one's."""
    marks = [e for e in trace['traceEvents'] if e['ph'] == 'i' and e['cat'] == 'swap']
    must(len(marks) == 1 and marks[0]['name'] == f'{old} -> {new}', f'marks: {marks}')
    must(0 < marks[0]['ts'] < trace['otherData']['length_ns'] / 1e3, 'the mark is outside')
    flips = slices(trace, FLIP, FLIP + 1000)
    must(len(flips) == trace['otherData']['pcpus'], f'{len(flips)} pCPUs flipped')
    for tid, (flip, *more) in flips.items():
        must(not more, f'{tid} flipped twice')
        reign = [e['name'] for e in slices(trace, SCHED, FLIP)[tid - FLIP + SCHED]]
        must(reign == [old, new], f'pCPU {tid - FLIP} was decided by {reign}')
        for e in slices(trace, PCPU, SCHED)[tid - FLIP + PCPU]:
            want = old if e['ts'] < flip['ts'] else None
            must(want in (None, e['args']['scheduler']), f'{e} before the flip at {flip["ts"]}')
            if e['ts'] > flip['ts'] + flip['dur'] + 30000:
                must(e['args']['scheduler'] == new, f'{e} long after the flip at {flip["ts"]}')


def shares(trace, mark_us):
    """Behind the change bvt's weights 1:2:4 must show, to the eye: more for who weighs more."""
    ran = {}
    for track in slices(trace, PCPU, SCHED).values():
        for e in track:
            if e['ts'] > mark_us and e['cat'] == 'run':
                w = e['args']['weight']
                ran[w] = ran.get(w, 0) + e['dur']
    must(ran.get(1024, 0) > ran.get(512, 0) > 0, f'by weight: {ran}')


def picture(path, trace):
    root = ET.parse(path).getroot()
    ns = '{http://www.w3.org/2000/svg}'
    must(root.tag == ns + 'svg', 'no svg')
    turns = sum(len(t) for t in slices(trace, PCPU, SCHED).values())
    rects = [r for r in root.iter(ns + 'rect') if r.find(ns + 'title') is not None]
    must(len(rects) >= 2 * turns, f'{len(rects)} rectangles for {turns} turns')
    text = ' '.join(t.text or '' for t in root.iter(ns + 'text'))
    must('rr → bvt' in text and 'closed for' in text, 'no change of scheduler in it')
    must('<a"b"&c>' in text, 'the legend lacks a name')
    pauses = [r for r in rects if r.get('class') == 'pause']
    must(len(pauses) == trace['otherData']['pcpus'], f'{len(pauses)} pauses')
    for r in root.iter(ns + 'rect'):
        must(r.get('width') == '100%' or float(r.get('width')) > 0, 'an empty rectangle')


def main():
    where = sys.argv[1]
    live, cease, early, lost = (load(os.path.join(where, n + '.json'))
                                for n in ('live', 'cease', 'early', 'lost'))
    mark = next((e['ts'] for e in live['traceEvents'] if e['ph'] == 'i' and e['cat'] == 'swap'), 0)
    checks = [
        ('every event is as the format wants it', lambda: [by_format(t) for t in (live, cease, early, lost)]),
        ('nobody runs twice, no pCPU is run by two', lambda: [no_overlap(t) for t in (live, cease, early, lost)]),
        ('every vCPU is there', lambda: [everybody(t) for t in (live, cease)]),
        ('turns add up to what the kernel counted', lambda: [sums(t, 15) for t in (cease, early)]),
        ('live: the old one decides, then the new one', lambda: swap(live, 'rr', 'bvt')),
        ('cease: the old one decides, then the new one', lambda: swap(cease, 'bvt', 'rr')),
        ('cease: the time without vCPUs is there', lambda: must(
            [e for e in cease['traceEvents'] if e['ph'] == 'X' and e['cat'] == 'cease' and e['dur'] > 0],
            'no such slice')),
        ('changes of the way of dispatch are there', lambda: must(
            [e['args']['mode'] for e in cease['traceEvents'] if e['ph'] == 'i' and e['cat'] == 'dispatch']
            == ['id', 'ops'], 'not id, ops')),
        ('the weights show', lambda: shares(live, mark)),
        ('what did not fit is counted, the rest is whole', lambda: must(
            lost['otherData']['lost'] > 0 and lost['otherData']['length_ns'] < 1.5e9, 'nothing lost')),
        ('the picture is whole', lambda: picture(os.path.join(where, 'live.svg'), live)),
    ]
    bad = 0
    for name, check in checks:
        try:
            check()
            print('ok - ' + name)
        except (Wrong, KeyError, ET.ParseError) as e:
            bad += 1
            print(f'not ok - {name}\n# {type(e).__name__}: {e}')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
