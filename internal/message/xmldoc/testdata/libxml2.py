"""Asks libxml2, over ctypes, for canonical forms and for what it refuses. One process answers for a whole corpus.

Standard input: one JSON object per line: {"doc": base64} asks whether the document is accepted; with "top" (the number
of an element in document order, from 1) also for the canonical form of its subtree: "exclusive", "prefixes", "omit"
(the number of an element left out, 0 for none). Standard output: one JSON object per line: {"ok": bool, "form": base64}.
"""
import base64
import ctypes
import ctypes.util
import json
import sys

xml = ctypes.CDLL(ctypes.util.find_library("xml2") or "libxml2.so.2")


class Error(ctypes.Structure):
    _fields_ = [("domain", ctypes.c_int), ("code", ctypes.c_int), ("message", ctypes.c_char_p), ("level", ctypes.c_int)]


class XPathObject(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("nodes", ctypes.c_void_p)]


def declare(name, result, *arguments):
    function = getattr(xml, name)
    function.restype, function.argtypes = result, arguments
    return function


pointer, text, integer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
read = declare("xmlReadMemory", pointer, text, integer, text, text, integer)
free_document = declare("xmlFreeDoc", None, pointer)
new_context = declare("xmlXPathNewContext", pointer, pointer)
free_context = declare("xmlXPathFreeContext", None, pointer)
evaluate = declare("xmlXPathEvalExpression", ctypes.POINTER(XPathObject), text, pointer)
free_object = declare("xmlXPathFreeObject", None, ctypes.POINTER(XPathObject))
dump = declare("xmlC14NDocDumpMemory", integer, pointer, pointer, integer, ctypes.POINTER(text), integer,
               ctypes.POINTER(pointer))

NONET, HUGE = 1 << 11, 1 << 19
# Errors of validity, which concern xml:id here, do not make a document ill-formed; nor do warnings.
FROM_DTD, FROM_VALID, WARNING = 4, 23, 1
errors = []


@ctypes.CFUNCTYPE(None, pointer, ctypes.POINTER(Error))
def collect(_, error):
    if error.contents.level > WARNING and error.contents.domain not in (FROM_DTD, FROM_VALID):
        errors.append(error.contents.code)


declare("xmlSetStructuredErrorFunc", None, pointer, pointer)(None, ctypes.cast(collect, pointer))


def selection(top, omit):
    subtree = f"(//*)[{top}]/descendant-or-self::"
    keep = ""
    if omit:
        keep = f"[count(ancestor-or-self::*|(//*)[{omit}]) != count(ancestor-or-self::*)]"
    return f"{subtree}node(){keep}|{subtree}*{keep}/@*|{subtree}*{keep}/namespace::*"


def canonical(document, question):
    context = new_context(document)
    chosen = evaluate(selection(question["top"], question.get("omit", 0)).encode(), context)
    prefixes = [p.encode() for p in question.get("prefixes") or []]
    listed = (text * (len(prefixes) + 1))(*prefixes, None)
    out = pointer()
    size = dump(document, chosen.contents.nodes, 1 if question["exclusive"] else 0, listed, 0, ctypes.byref(out))
    form = ctypes.string_at(out, size) if size >= 0 and out.value else None
    free_object(chosen)
    free_context(context)
    return form


def answer(question):
    octets = base64.b64decode(question["doc"])
    errors.clear()
    document = read(octets, len(octets), None, None, NONET | HUGE)
    if not document or errors:
        if document:
            free_document(document)
        return {"ok": False}
    result = {"ok": True}
    if question.get("top"):
        form = canonical(document, question)
        result = {"ok": form is not None, "form": base64.b64encode(form or b"").decode()}
    free_document(document)
    return result


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))))
