#!/usr/bin/python3
"""Calls any operation of the register in the name of anybody, for a program that says which.

A caller writes one JSON object on a line for each call:

    {"p12": FILE, "author": SSIN or "", "operation": "search", "content": {"Offset": 0, …}}

and reads one line back, {"answer": {…}} or {"refused": {"code": …, "violations": […]}}. The content is handed to zeep as
it is, so what reaches the service is what zeep makes of the WSDL. How a request is signed stands in client.py.
"""

import argparse
import base64
import datetime
import json
import secrets
import sys

import requests
import zeep
from zeep.helpers import serialize_object
from zeep.wsse.compose import Compose

sys.dont_write_bytecode = True  # nothing is left beside the script
from client import Signer, Timestamp, refusal  # noqa: E402 pylint: disable=wrong-import-position


class Callers:
    """One connection and one reading of the WSDL, whoever signs."""

    def __init__(self, options):
        session = requests.Session()
        session.trust_env = False
        session.verify = options.ca
        with open(options.password_file, "rb") as file:
            self.password = file.read().rstrip(b"\r\n")
        self.client = zeep.Client(
            options.url + ("?wsdl" if options.soap == "1.1" else "?wsdl=soap12"),
            transport=zeep.Transport(session=session, timeout=20, operation_timeout=20),
        )
        self.signers = {}

    def signer(self, p12):
        """The signer with a key, which is read once."""
        if p12 not in self.signers:
            with open(p12, "rb") as file:
                self.signers[p12] = Compose([Timestamp(), Signer(file.read(), self.password)])
        return self.signers[p12]

    def call(self, asked):
        """Makes one call, and returns what came of it."""
        self.client.wsse = self.signer(asked["p12"])
        content = dict(asked["content"])
        if asked["author"]:
            content["Author"] = {"HcParty": [{
                "Id": [{"Type": "urn:be:fgov:person:ssin", "_value_1": asked["author"]}], "Name": "author"}]}
        try:
            answer = getattr(self.client.service, asked["operation"])(
                Id="_" + secrets.token_hex(8),
                IssueInstant=datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0), **content)
        except zeep.exceptions.Fault as fault:
            return {"refused": refusal(fault)}
        return {"answer": serialize_object(answer, dict)}


def plain(value):
    """A value as JSON can hold it: days and instants as in XML, octets as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat()


def main():
    parser = argparse.ArgumentParser(description="Calls the operations that it reads from standard input.")
    parser.add_argument("--url", required=True, help="the service's address, ending in /ctr/v1")
    parser.add_argument("--ca", required=True, help="PEM file of whom to trust for TLS")
    parser.add_argument("--password-file", required=True, help="file with the password of all .p12 files")
    parser.add_argument("--soap", choices=["1.1", "1.2"], default="1.1")
    callers = Callers(parser.parse_args())
    for line in sys.stdin:
        print(json.dumps(callers.call(json.loads(line)), default=plain, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
