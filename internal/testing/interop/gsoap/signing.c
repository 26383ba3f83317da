#include "signing.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "wsseapi.h"

/* The wsu:Id values of what is signed beside the Body, whose own is always "Body". */
#define TIMESTAMP_ID "Timestamp"
#define TOKEN_ID "X509Token"

enum {
    LIFETIME = 60,             /* seconds that a request is good for; the register takes no more than 300 */
    MAX_COORDINATE = 66,       /* bytes of r or s with P-521, the largest curve */
    MAX_PASSWORD = 1024
};

static const char *first_line(const char *file, char line[MAX_PASSWORD])
{
    FILE *in = fopen(file, "r");
    if (in == NULL)
        return "the password file cannot be opened";
    bool read = fgets(line, MAX_PASSWORD, in) != NULL;
    fclose(in);
    if (!read)
        return "the password file is empty";
    line[strcspn(line, "\r\n")] = '\0';
    return NULL;
}

const char *identity_read(struct identity *who, const char *p12File, const char *passwordFile)
{
    char password[MAX_PASSWORD];
    const char *wrong = first_line(passwordFile, password);
    if (wrong != NULL)
        return wrong;

    BIO *in = BIO_new_file(p12File, "rb");
    PKCS12 *p12 = in == NULL ? NULL : d2i_PKCS12_bio(in, NULL);
    if (p12 == NULL)
        wrong = "the .p12 file cannot be read";
    else if (!PKCS12_parse(p12, password, &who->key, &who->certificate, NULL))
        /* Also when an old file is encrypted with RC2 or 3DES: see OSSL_PROVIDER_load(NULL, "legacy"). */
        wrong = "the .p12 file does not open with this password";
    else if (who->key == NULL || who->certificate == NULL)
        wrong = "the .p12 file lacks a key or its certificate";
    PKCS12_free(p12);
    BIO_free(in);
    OPENSSL_cleanse(password, sizeof password);
    ERR_clear_error();
    return wrong;
}

void identity_free(struct identity *who)
{
    EVP_PKEY_free(who->key);
    X509_free(who->certificate);
}

int tls_trust_only(struct soap *soap, const char *caFile)
{
    /* Without NO_DEFAULT_CA_PATH every authority of the operating system is trusted beside those of the file. */
    return soap_ssl_client_context(soap,
                                   SOAP_SSL_REQUIRE_SERVER_AUTHENTICATION | SOAP_SSL_NO_DEFAULT_CA_PATH | SOAP_TLSv1_2 | SOAP_TLSv1_3,
                                   NULL, NULL, caFile, NULL, NULL);
}

/*
 * XML Signature wants an ECDSA signature as the bare numbers r and s, one after the other, each as long as the order of
 * the curve. The plugin writes what OpenSSL gives: the same numbers in DER. gSOAP calls this function after the plugin
 * has signed and before anything is sent. The plugin has counted the length of the message by then: correct it, too.
 */
static int bare_ecdsa_signature(struct soap *soap)
{
    ds__SignatureType *signature = soap_wsse_Signature(soap);
    if (signature == NULL || signature->SignatureValue == NULL)
        return SOAP_OK;

    const struct identity *who = (const struct identity *)soap->user; /* from sign_next_request */
    int size = (EVP_PKEY_get_bits(who->key) + 7) / 8;
    unsigned char bare[2 * MAX_COORDINATE];
    int length = 0;
    const char *der = soap_base642s(soap, signature->SignatureValue, NULL, 0, &length);
    const unsigned char *next = (const unsigned char *)der;
    ECDSA_SIG *numbers = der == NULL ? NULL : d2i_ECDSA_SIG(NULL, &next, length);
    bool written = numbers != NULL && size <= MAX_COORDINATE
                   && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), bare, size) == size
                   && BN_bn2binpad(ECDSA_SIG_get0_s(numbers), bare + size, size) == size;
    ECDSA_SIG_free(numbers);
    char *value = written ? soap_s2base64(soap, bare, NULL, 2 * size) : NULL;
    if (value == NULL)
        return soap_set_sender_error(soap, "The ECDSA signature cannot be rewritten", NULL, SOAP_SSL_ERROR);

    soap->count = soap->count - strlen(signature->SignatureValue) + strlen(value);
    signature->SignatureValue = value;
    return SOAP_OK;
}

int sign_next_request(struct soap *soap, struct identity *who)
{
    int algorithm = SOAP_SMD_SIGN_RSA_SHA256; /* the digests take their SHA from it, too */
    if (EVP_PKEY_get_base_id(who->key) == EVP_PKEY_EC) {
        algorithm = SOAP_SMD_SIGN_ECDSA_SHA256;
        soap->user = who;
        soap->fpreparefinalsend = bare_ecdsa_signature; /* before soap_wsse_sign_body, which chains itself in front */
    }
    soap_wsse_delete_Security(soap); /* of the request before */
    if (soap_wsse_add_Timestamp(soap, TIMESTAMP_ID, LIFETIME)
        || soap_wsse_add_BinarySecurityTokenX509(soap, TOKEN_ID, who->certificate)
        || soap_wsse_add_KeyInfo_SecurityTokenReferenceX509(soap, "#" TOKEN_ID)
        || soap_wsse_sign_body(soap, algorithm, who->key, 0)
        /* After soap_wsse_sign_body, which forgets it. */
        || soap_wsse_sign_only(soap, TIMESTAMP_ID " " TOKEN_ID " Body"))
        return soap->error ? soap->error : SOAP_ERR;
    return SOAP_OK;
}
