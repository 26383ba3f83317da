/* The part to copy: whom to trust, who signs, and how. It knows nothing of implants. */

#ifndef SIGNING_H
#define SIGNING_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "soapH.h"

/* A private key with its certificate. */
struct identity {
    EVP_PKEY *key;
    X509 *certificate;
};

/* Reads an identity from a .p12 file; the password is the first line of passwordFile. Returns NULL, or what went wrong. */
const char *identity_read(struct identity *who, const char *p12File, const char *passwordFile);

void identity_free(struct identity *who);

/* Prepares the context for TLS to servers whose certificate comes from the authorities in caFile, and from no others. */
int tls_trust_only(struct soap *soap, const char *caFile);

/* Puts the Security header on the next request and has it signed when it is sent. Call it before every request. */
int sign_next_request(struct soap *soap, struct identity *who);

#endif
