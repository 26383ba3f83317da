"""Verifies files: CA FILE... Prints one line for each: its coverage, whether it is bottom-line valid, and its name."""

import datetime
import sys

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

trusted = load_cert_from_pemder(sys.argv[1])
for name in sys.argv[2:]:
    with open(name, "rb") as file:
        signatures = PdfFileReader(file).embedded_signatures
        if len(signatures) != 1:
            sys.exit(f"{name}: {len(signatures)} signatures")
        context = ValidationContext(trust_roots=[trusted], moment=datetime.datetime.now(datetime.timezone.utc))
        status = validate_pdf_signature(signatures[0], signer_validation_context=context)
        print(status.coverage.name, "VALID" if status.bottom_line else "INVALID", name)
        if not status.bottom_line:
            print(status.pretty_print_details())
