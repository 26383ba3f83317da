#!/usr/bin/python3
"""A complete client of the register in Python, with zeep and xmlsec.

It reads the service's WSDL, signs Body and Timestamp with the key of an eHealth .p12 file, and walks through the main
job: a notification, its search, its implant card, the patient's implants, an explantation, and one refusal; and through
the life of a notification that is prepared first: draft, revision, validation, withdrawal.

What zeep does not do by itself, and what this file shows how to do:
  - zeep signs with SHA-1 unless told otherwise, and the register refuses SHA-1: name both methods (see Signer);
  - zeep adds no Timestamp by itself, and signs one only if it is there before the signature is made (see Timestamp);
  - zeep verifies every reply, and the register's replies are unsigned by default (see Signer.verify).
"""

import argparse
import datetime
import hashlib
import json
import platform
import secrets
import sys

import requests
import xmlsec
import zeep
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from lxml import etree
from zeep.wsse.compose import Compose
from zeep.wsse.signature import BinarySignature
from zeep.wsse.utils import get_security_header

WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
CORE = "urn:be:fgov:ehealth:ctr:core:v1"

SURGEON = "78031412250"
PATIENT = "48022907379"


class Timestamp:
    """Puts a wsu:Timestamp into the security header. It must stand before the Signer in the list given to zeep."""

    def __init__(self, lifetime=datetime.timedelta(minutes=1)):
        self.lifetime = lifetime

    def apply(self, envelope, headers):
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp = etree.SubElement(get_security_header(envelope), etree.QName(WSU, "Timestamp"), nsmap={"wsu": WSU})
        for name, at in (("Created", now), ("Expires", now + self.lifetime)):
            etree.SubElement(stamp, etree.QName(WSU, name)).text = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return envelope, headers

    def verify(self, envelope):
        return envelope


class Signer(BinarySignature):
    """Signs Body and Timestamp, and refers to the certificate in a BinarySecurityToken.

    The key stays in memory: BinarySignature itself wants files with the unencrypted key in them.
    """

    def __init__(self, p12, password):  # pylint: disable=super-init-not-called
        key, certificate, _ = pkcs12.load_key_and_certificates(p12, password)  # the first key of the file
        self.key_data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.cert_data = certificate.public_bytes(Encoding.PEM)
        self.password = None
        self.digest_method = xmlsec.Transform.SHA256
        if isinstance(key, ec.EllipticCurvePrivateKey):
            self.key_type = "EC"
            self.signature_method = xmlsec.Transform.ECDSA_SHA256
        else:
            self.key_type = "RSA"
            self.signature_method = xmlsec.Transform.RSA_SHA256

    def verify(self, envelope):
        """Takes the reply as it is. It came over TLS, from the server whose certificate was checked."""
        return envelope


class Register:
    """The operations, with what every request has in common filled in."""

    def __init__(self, options):
        session = requests.Session()
        session.trust_env = False  # no proxy from the environment, and no other authorities than --ca
        session.verify = options.ca
        with open(options.p12, "rb") as file:
            p12 = file.read()
        with open(options.password_file, "rb") as file:
            password = file.read().rstrip(b"\r\n")
        form = "?wsdl" if options.soap == "1.1" else "?wsdl=soap12"
        self.client = zeep.Client(
            options.url + form,
            wsse=Compose([Timestamp(), Signer(p12, password)]),
            transport=zeep.Transport(session=session, timeout=20, operation_timeout=20),
        )

    @property
    def key_type(self):
        """RSA or EC, as the key that signs."""
        return self.client.wsse.wsse_objects[-1].key_type

    def call(self, operation, **content):
        author = {"HcParty": [{"Id": [{"Type": "urn:be:fgov:person:ssin", "_value_1": SURGEON}],
                               "FirstName": ["Anna"], "Name": "Claes"}]}
        return getattr(self.client.service, operation)(
            Id="_" + secrets.token_hex(8),
            IssueInstant=datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0),
            Author=author, **content)


def implantation(today, serial):
    """The implantation of a component of a knee, two days ago."""
    return {
        "Specialist": {"SSIN": SURGEON},
        "OperationDate": today - datetime.timedelta(days=2),
        "Patient": PATIENT,
        "Prescriber": {"NIHII": "17800389480"},
        "PrescriptionDate": today - datetime.timedelta(days=19),
        "Comment": "revision of the left knee",
        "Implant": [{
            "NotificationCode": "000071200176",
            "UDI": "(01)05410000001047(17)291231(10)L2201(21)" + serial,
            "Quantity": 1,
            "Location": "left knee",
            "Side": "Left",
        }],
    }


def expect(condition, what):
    if not condition:
        raise SystemExit("not as expected: " + what)


def refusal(fault):
    """What a fault tells: the code, the words in English, and each violated rule with its place."""
    detail = fault.detail
    words = detail.xpath(".//*[local-name()='Message'][@xml:lang='en' or @lang='en']")
    return {
        "code": detail.findtext(".//{*}Code"),
        "message": words[0].text if words else fault.message,
        "violations": [{"code": v.get("Code"), "path": v.get("Path")} for v in detail.iterfind(".//{%s}Violation" % CORE)],
    }


def life(register, today, serial):
    """The life of a notification, from draft to withdrawal."""
    device = register.call("searchDevice", Offset=0, MaxElements=20, Criteria={"Text": "knee femoral", "Category": "Orthopaedic"}).Device[0]
    expect(device.NotificationCode == "000071200176", "the list of devices knows the component")

    draft = register.call("notifyImplant", InputReference="ZEEP-" + serial, Save="Draft", Implantation=implantation(today, serial)).Receipt
    expect(draft.State == "Draft" and draft.NotificationNumber is None, "a draft has no number")
    pending = register.call("listPendingNotifications", Offset=0, MaxElements=100, State="Draft")
    expect((draft.Reference, draft.Version) in [(n.Reference, n.Version) for n in pending.Notification], "the draft is pending")

    content = implantation(today, serial)
    content["Comment"] = "revision of the left knee, femoral component only"
    submitted = register.call("reviseNotification", Of={"Reference": draft.Reference}, Version=draft.Version, Save="Submit",
                              Content={"Implantation": content}).Receipt
    expect(submitted.State == "ToValidate", "a revision can submit")
    final = register.call("validateNotification", Reference=submitted.Reference, Version=submitted.Version).Receipt
    expect(final.State == "Final" and final.NotificationNumber, "what is validated has a number")

    of = {"NotificationNumber": final.NotificationNumber}
    notification = register.call("getNotification", Of=of).Notification
    expect(notification.Comment == content["Comment"], "the notification has its last content")
    expect([h.Change for h in notification.History] == ["Saved", "Submitted", "Notified"], "the history tells every version")
    gone = register.call("discardNotification", Of=of, Version=final.Version, Reason="made to show how it is done").Receipt
    expect(gone.State == "Withdrawn" and gone.Version == final.Version + 1, "a final notification is withdrawn")


def walk(register, options):
    """The main job, once. Returns what a caller would want to keep."""
    today = datetime.date.today()
    serial = "Z-" + secrets.token_hex(6).upper()
    reference = "ZEEP-" + secrets.token_hex(8)

    receipt = register.call("notifyImplant", InputReference=reference, Save="Final", Implantation=implantation(today, serial))
    number, placed = receipt.Receipt.NotificationNumber, receipt.Implant[0]
    expect(placed.SerialNumber == serial and placed.LotNumber == "L2201", "lot and serial number come from the UDI")
    expect(placed.ExpiryDate == datetime.date(2029, 12, 31), "the expiry date comes from the UDI")
    expect(not receipt.Warning, "no warning")

    again = register.call("notifyImplant", InputReference=reference, Save="Final", Implantation=implantation(today, serial))
    expect(again.Receipt.NotificationNumber == number, "the same InputReference gives the same receipt")

    found = register.call("search", Offset=0, MaxElements=20, Criteria={"ByNotification": {"NotificationNumber": number}})
    expect(found.Total == 1 and found.Notification[0].NotificationNumber == number, "the search finds the notification")

    card = register.call("getImplantCard", Of={"NotificationNumber": number}).Card
    expect(card.Content.startswith(b"%PDF-"), "the card is a PDF document")
    expect(hashlib.sha256(card.Content).digest() == card.Digest, "the digest of the card is that of its content")
    with open(options.card, "wb") as file:
        file.write(card.Content)

    carried = register.call("listPatientImplants", Offset=0, MaxElements=100, Patient=PATIENT)
    expect(placed.ImplantId in [i.ImplantId for i in carried.Implant], "the patient carries the implant")

    removal = {"Specialist": {"SSIN": SURGEON}, "OperationDate": today - datetime.timedelta(days=1), "Patient": PATIENT,
               "Explant": [{"ImplantId": placed.ImplantId, "Quantity": 1, "Reason": "loosening"}]}
    removed = register.call("notifyExplant", InputReference=reference + "-x", Explantation=removal)
    expect(removed.Implant[0].Remaining == 0, "nothing remains of the implant")

    wrong = implantation(today, serial)
    wrong["PrescriptionDate"] = today
    wrong["Implant"][0]["LotNumber"] = "L9999"
    try:
        register.call("notifyImplant", InputReference=reference + "-w", Implantation=wrong)
    except zeep.exceptions.Fault as fault:
        refused = refusal(fault)
    else:
        raise SystemExit("not as expected: a notification with two mistakes is refused")
    expect([v["code"] for v in refused["violations"]] == ["PRESCRIPTION_AFTER_OPERATION", "LOT_CONTRADICTS_UDI"], "both mistakes are told")

    life(register, today, serial + "-L")
    return {"number": number, "device": placed.Device.Name, "found": found.Total, "card": options.card,
            "explanted": removed.Receipt.NotificationNumber, "refused": refused}


def main():
    parser = argparse.ArgumentParser(description="Walks through the main job of a register with zeep.")
    parser.add_argument("--url", required=True, help="the service's address, ending in /ctr/v1")
    parser.add_argument("--ca", required=True, help="PEM file of whom to trust for TLS")
    parser.add_argument("--p12", required=True, help="the .p12 file that signs")
    parser.add_argument("--password-file", required=True, help="file with its password")
    parser.add_argument("--card", required=True, help="where to write the implant card")
    parser.add_argument("--soap", choices=["1.1", "1.2"], default="1.1")
    options = parser.parse_args()
    try:
        register = Register(options)
        done = walk(register, options)
    except zeep.exceptions.Fault as fault:
        raise SystemExit("\n".join([fault.message] + [f"  {v['code']} {v['path']}" for v in refusal(fault)["violations"]])) from fault
    except (zeep.exceptions.Error, OSError, ValueError) as error:
        raise SystemExit(f"{error}") from error
    toolkit = f"zeep {zeep.__version__}, Python {platform.python_version()}"
    json.dump({"toolkit": toolkit, "soap": options.soap, "key": register.key_type, "mtom": False, **done}, sys.stdout, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
