"""Reads GS1 carriers, one JSON text a line, with the library biip, and writes what it finds in each."""

import json
import sys

from biip.gs1_messages import GS1Message

for line in sys.stdin:
    text = json.loads(line)
    for prefix in ("]d2", "]C1", "]Q3", "]e0"):
        text = text.removeprefix(prefix)
    found = {}
    try:
        if text.startswith("("):
            message = GS1Message.parse_hri(text)
        else:
            message = GS1Message.parse(text.removeprefix("\x1d"))
        for element in message.element_strings:
            found[element.ai.ai] = element.date.isoformat() if element.date else element.value
    except Exception as refusal:  # compared as text
        found["refusal"] = str(refusal)
    print(json.dumps(found))
