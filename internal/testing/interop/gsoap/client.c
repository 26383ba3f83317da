/*
 * A complete client of the register in C, with gSOAP and its WS-Security plugin.
 *
 * It signs with the key of an eHealth .p12 file and walks through the main job: a notification, its search, its implant
 * card, an explantation, and one refusal. The types and the soap_call_ functions are generated from the WSDL; TLS, the
 * key file and the signature are in signing.c, what a fault tells in faults.c.
 */

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "CtrBinding.nsmap"
#include "faults.h"
#include "signing.h"
#include "wsseapi.h"

#define SURGEON "78031412250"
#define PATIENT "48022907379"
#define LOT "L2201"
#define EXPIRY "2029-12-31"

enum { SECONDS_TO_WAIT = 20 };

struct options {
    const char *url, *ca, *p12, *passwordFile, *card, *soap;
    bool mtom;
};

/* What is printed at the end. All texts but the card's belong to the soap context. */
struct outcome {
    char *number, *device, *explanted;
    int found;
    struct refusal refused;
};

/* ---- What is wrong ---- */

static bool wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

static bool same(const char *text, const char *other)
{
    return text != NULL && strcmp(text, other) == 0;
}

static bool expect(bool condition, const char *what)
{
    return condition || wrong("not as expected: %s", what);
}

/* Says why a call failed, in one line. */
static bool failed(struct soap *soap, const char *operation)
{
    struct refusal refusal;
    if (refusal_read(soap, &refusal)) {
        if (refusal.violations == NULL || refusal.violations->__sizeViolation == 0)
            return wrong("%s: %s: %s", operation, refusal.code, refusal.message);
        return wrong("%s: %s %s: %s", operation, refusal.code, refusal.violations->Violation[0].Code, refusal.message);
    }
    char text[1024];
    soap_sprint_fault(soap, text, sizeof text);
    for (char *at = text; *at != '\0'; at++)
        if (*at == '\n')
            *at = ' ';
    return wrong("%s: %s", operation, text);
}

/* ---- Pieces of requests ---- */

static char *random_text(struct soap *soap, const char *prefix)
{
    unsigned char bytes[8];
    char *text = soap_malloc(soap, strlen(prefix) + 2 * sizeof bytes + 1);
    if (text == NULL || RAND_bytes(bytes, sizeof bytes) != 1)
        return NULL;
    char *end = stpcpy(text, prefix);
    for (size_t i = 0; i < sizeof bytes; i++)
        end += sprintf(end, "%02X", bytes[i]);
    return text;
}

/* A day as xs:date, which gSOAP leaves a text in C. */
static char *days_ago(struct soap *soap, int days)
{
    time_t now = time(NULL);
    struct tm day;
    char text[sizeof "2026-11-22"];
    if (localtime_r(&now, &day) == NULL)
        return NULL;
    day.tm_mday -= days;
    day.tm_isdst = -1;
    if (mktime(&day) == -1 || strftime(text, sizeof text, "%Y-%m-%d", &day) == 0)
        return NULL;
    return soap_strdup(soap, text);
}

/* Who acts, and who takes part. The same in every request. */
static struct cc__IdType surgeonId = {.Type = "urn:be:fgov:person:ssin", .__item = SURGEON};
static char *surgeonFirstNames[] = {"Anna"};
static struct cc__ActorType surgeonAsActor = {
    .__sizeId = 1, .Id_ = &surgeonId,
    .__sizeFirstName = 1, .FirstName_ = surgeonFirstNames,
    .Name = "Claes",
};
static struct cc__AuthorType author = {.__sizeHcParty = 1, .HcParty_ = &surgeonAsActor};
static struct ctr__ProfessionalType surgeon = {SOAP_UNION__ctr__union_ProfessionalType_SSIN, {.SSIN = SURGEON}};
static struct ctr__ProfessionalType prescriber = {SOAP_UNION__ctr__union_ProfessionalType_NIHII, {.NIHII = "17800389480"}};

/* gSOAP takes what is optional and no text by its address. */
static enum ctrp__SaveType final = ctrp__SaveType__Final;
static enum ctr__SideType left = ctr__SideType__Left;
static int one = 1;

/* The implantation of a component of a knee, two days ago. */
static bool fill_implantation(struct soap *soap, const char *serial,
                              struct ctr__ImplantationType *implantation, struct ctr__NotifiedImplantType *implant)
{
    const char *carrier = "(01)05410000001047(17)291231(10)" LOT "(21)";
    char *udi = soap_malloc(soap, strlen(carrier) + strlen(serial) + 1);
    if (udi != NULL)
        stpcpy(stpcpy(udi, carrier), serial);
    *implant = (struct ctr__NotifiedImplantType){
        .NotificationCode = "000071200176",
        .UDI = udi,
        .Quantity = 1,
        .Location = "left knee",
        .Side = &left,
    };
    *implantation = (struct ctr__ImplantationType){
        .Specialist = &surgeon,
        .OperationDate = days_ago(soap, 2),
        .Patient = PATIENT,
        .Prescriber = &prescriber,
        .PrescriptionDate = days_ago(soap, 19),
        .Comment = "revision of the left knee",
        .__sizeImplant = 1,
        .Implant = implant,
    };
    return udi != NULL && implantation->OperationDate != NULL && implantation->PrescriptionDate != NULL;
}

/* ---- The steps ---- */

struct client {
    struct soap *soap;
    struct identity who;
    const char *url;
    bool mtom;
};

/* Before every request: MTOM where asked, and the signature. */
static bool prepare(struct client *client)
{
    if (client->mtom)
        /* gSOAP packs a request only when it has an attachment, and ours have none: this packs it all the same. */
        soap_set_mime(client->soap, NULL, NULL);
    return sign_next_request(client->soap, &client->who) == SOAP_OK || failed(client->soap, "signing");
}

static bool notify(struct client *client, struct outcome *outcome, const char *serial, char **implantId)
{
    struct soap *soap = client->soap;
    struct ctr__ImplantationType implantation;
    struct ctr__NotifiedImplantType implant;
    struct ctrp__NotifyImplantRequestType request = {
        .Id = random_text(soap, "_"), /* optional, as what else may be NULL */
        .IssueInstant = time(NULL),
        .Author = &author,
        .InputReference = random_text(soap, "GSOAP-"), /* keep it, and send it again when no answer came */
        .Save = &final,
        .Implantation = &implantation,
    };
    struct ctrp__NotifyImplantResponseType response;
    if (!fill_implantation(soap, serial, &implantation, &implant) || request.InputReference == NULL)
        return wrong("out of memory");
    if (!prepare(client))
        return false;
    if (soap_call___ctrp__notifyImplant(soap, client->url, NULL, &request, &response) != SOAP_OK)
        return failed(soap, "notifyImplant");

    if (!expect(response.Receipt != NULL && response.Receipt->NotificationNumber != NULL, "a final notification has a number")
        || !expect(response.__sizeImplant == 1, "one implant is registered")
        || !expect(response.__sizeWarning == 0, "no warning"))
        return false;
    const struct ctr__RegisteredImplantType *placed = response.Implant;
    outcome->number = response.Receipt->NotificationNumber;
    outcome->device = placed->Device != NULL ? placed->Device->Name : "";
    *implantId = placed->ImplantId;
    return expect(same(placed->LotNumber, LOT) && same(placed->SerialNumber, serial), "lot and serial number come from the UDI")
           && expect(same(placed->ExpiryDate, EXPIRY), "the expiry date comes from the UDI");
}

static bool search(struct client *client, struct outcome *outcome)
{
    struct ctrp__ByNotificationType byNotification = {.NotificationNumber = outcome->number};
    struct ctrp__SearchCriteriaType criteria = {
        SOAP_UNION__ctrp__union_SearchCriteriaType_ByNotification, {.ByNotification = &byNotification}};
    struct ctrp__SearchRequestType request = {
        .Id = random_text(client->soap, "_"),
        .IssueInstant = time(NULL),
        .Author = &author,
        .Offset = 0,
        .MaxElements = 20,
        .Criteria = &criteria,
    };
    struct ctrp__SearchResponseType response;
    if (!prepare(client))
        return false;
    if (soap_call___ctrp__search(client->soap, client->url, NULL, &request, &response) != SOAP_OK)
        return failed(client->soap, "search");
    outcome->found = response.Total;
    return expect(response.Total == 1 && response.__sizeNotification == 1
                      && same(response.Notification->NotificationNumber, outcome->number),
                  "the search finds the notification");
}

static bool fetch_card(struct client *client, const struct outcome *outcome, const char *file)
{
    struct ctrp__CardOfType of = {
        SOAP_UNION__ctrp__union_CardOfType_NotificationNumber, {.NotificationNumber = outcome->number}};
    struct ctrp__GetImplantCardRequestType request = {
        .Id = random_text(client->soap, "_"),
        .IssueInstant = time(NULL),
        .Author = &author,
        .Of = &of,
    };
    struct ctrp__GetImplantCardResponseType response;
    if (!prepare(client))
        return false;
    if (soap_call___ctrp__getImplantCard(client->soap, client->url, NULL, &request, &response) != SOAP_OK)
        return failed(client->soap, "getImplantCard");

    if (!expect(response.Card != NULL, "there is a card"))
        return false;
    const struct xsd__base64Binary *content = &response.Card->Content, *told = &response.Card->Digest;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (!expect(EVP_Digest(content->__ptr, (size_t)content->__size, digest, &length, EVP_sha256(), NULL) == 1
                    && told->__size == (int)length && memcmp(told->__ptr, digest, length) == 0,
                "the digest of the card is that of its content")
        /* With MTOM, gSOAP tells the media type of the attachment that the content came in. */
        || !expect(!client->mtom || content->type != NULL, "the card comes as an attachment"))
        return false;
    FILE *out = fopen(file, "wb");
    if (out == NULL)
        return wrong("the card cannot be written to %s", file);
    bool written = fwrite(content->__ptr, 1, (size_t)content->__size, out) == (size_t)content->__size;
    written = fclose(out) == 0 && written;
    return written || wrong("the card cannot be written to %s", file);
}

static bool explant(struct client *client, struct outcome *outcome, char *implantId)
{
    struct ctr__ExplantType removed = {
        SOAP_UNION__ctr__union_ExplantType_ImplantId, {.ImplantId = implantId}, .Quantity = &one, .Reason = "loosening"};
    struct ctr__ExplantationType explantation = {
        .Specialist = &surgeon,
        .OperationDate = days_ago(client->soap, 1),
        .Patient = PATIENT,
        .__sizeExplant = 1,
        .Explant = &removed,
    };
    struct ctrp__NotifyExplantRequestType request = {
        .Id = random_text(client->soap, "_"),
        .IssueInstant = time(NULL),
        .Author = &author,
        .InputReference = random_text(client->soap, "GSOAP-"),
        .Save = &final,
        .Explantation = &explantation,
    };
    struct ctrp__NotifyExplantResponseType response;
    if (explantation.OperationDate == NULL || request.InputReference == NULL)
        return wrong("out of memory");
    if (!prepare(client))
        return false;
    if (soap_call___ctrp__notifyExplant(client->soap, client->url, NULL, &request, &response) != SOAP_OK)
        return failed(client->soap, "notifyExplant");
    if (!expect(response.Receipt != NULL && response.Receipt->NotificationNumber != NULL, "a final notification has a number"))
        return false;
    outcome->explanted = response.Receipt->NotificationNumber;
    return expect(response.__sizeImplant == 1 && response.Implant->Remaining == 0, "nothing remains of the implant");
}

/* Sends a notification with two mistakes, and reads both in the fault. */
static bool refuse(struct client *client, struct outcome *outcome, const char *serial)
{
    struct soap *soap = client->soap;
    struct ctr__ImplantationType implantation;
    struct ctr__NotifiedImplantType implant;
    struct ctrp__NotifyImplantRequestType request = {
        .Id = random_text(soap, "_"),
        .IssueInstant = time(NULL),
        .Author = &author,
        .InputReference = random_text(soap, "GSOAP-"),
        .Implantation = &implantation,
    };
    struct ctrp__NotifyImplantResponseType response;
    if (!fill_implantation(soap, serial, &implantation, &implant) || request.InputReference == NULL)
        return wrong("out of memory");
    implantation.PrescriptionDate = days_ago(soap, 0);
    implant.LotNumber = "L9999";
    if (implantation.PrescriptionDate == NULL)
        return wrong("out of memory");
    if (!prepare(client))
        return false;
    if (soap_call___ctrp__notifyImplant(soap, client->url, NULL, &request, &response) == SOAP_OK)
        return expect(false, "a notification with two mistakes is refused");
    if (!refusal_read(soap, &outcome->refused))
        return failed(soap, "notifyImplant");
    const struct ctr__ViolationsType *violations = outcome->refused.violations;
    return expect(violations != NULL && violations->__sizeViolation == 2, "both mistakes are told");
}

static bool walk(struct client *client, struct outcome *outcome, const char *card)
{
    char *serial = random_text(client->soap, "G-"), *implantId = NULL;
    if (serial == NULL)
        return wrong("out of memory");
    return notify(client, outcome, serial, &implantId)
           && search(client, outcome)
           && fetch_card(client, outcome, card)
           && explant(client, outcome, implantId)
           && refuse(client, outcome, serial);
}

/* ---- Output ---- */

/* Prints a UTF-8 text as a JSON string. */
static void print_text(const char *text)
{
    putchar('"');
    for (const char *at = text != NULL ? text : ""; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            printf("\\%c", *at);
        else if ((unsigned char)*at < 0x20)
            printf("\\u%04x", (unsigned char)*at);
        else
            putchar(*at);
    }
    putchar('"');
}

static void print_member(const char *name, const char *text)
{
    printf("\"%s\":", name);
    print_text(text);
    putchar(',');
}

static bool print_outcome(const struct client *client, const struct outcome *outcome, const struct options *options)
{
    printf("{\"toolkit\":\"gSOAP %d.%d.%d\",", GSOAP_VERSION / 100000, GSOAP_VERSION / 1000 % 100, GSOAP_VERSION % 1000);
    print_member("soap", options->soap);
    print_member("key", EVP_PKEY_get_base_id(client->who.key) == EVP_PKEY_EC ? "EC" : "RSA");
    printf("\"mtom\":%s,", options->mtom ? "true" : "false");
    print_member("number", outcome->number);
    print_member("device", outcome->device);
    printf("\"found\":%d,", outcome->found);
    print_member("card", options->card);
    print_member("explanted", outcome->explanted);
    printf("\"refused\":{");
    print_member("code", outcome->refused.code);
    print_member("message", outcome->refused.message);
    printf("\"violations\":[");
    for (int i = 0; i < outcome->refused.violations->__sizeViolation; i++) {
        const struct ctr__ViolationType *violation = &outcome->refused.violations->Violation[i];
        printf(i == 0 ? "{" : ",{");
        print_member("code", violation->Code);
        printf("\"path\":");
        print_text(violation->Path);
        putchar('}');
    }
    printf("]}}\n");
    return fflush(stdout) == 0 || wrong("the result cannot be written");
}

/* ---- Start and end ---- */

static bool read_options(struct options *options, int count, char **words)
{
    static const struct option known[] = {
        {"url", required_argument, NULL, 'u'},
        {"ca", required_argument, NULL, 'a'},
        {"p12", required_argument, NULL, 'p'},
        {"password-file", required_argument, NULL, 'w'},
        {"card", required_argument, NULL, 'c'},
        {"soap", required_argument, NULL, 's'},
        {"mtom", no_argument, NULL, 'm'},
        {0},
    };
    int option;
    options->soap = "1.1";
    while ((option = getopt_long(count, words, "", known, NULL)) != -1) {
        switch (option) {
        case 'u': options->url = optarg; break;
        case 'a': options->ca = optarg; break;
        case 'p': options->p12 = optarg; break;
        case 'w': options->passwordFile = optarg; break;
        case 'c': options->card = optarg; break;
        case 's': options->soap = optarg; break;
        case 'm': options->mtom = true; break;
        default: return false; /* getopt_long has said why */
        }
    }
    if (options->url != NULL && options->ca != NULL && options->p12 != NULL && options->passwordFile != NULL && options->card != NULL
        && (same(options->soap, "1.1") || same(options->soap, "1.2")) && optind == count)
        return true;
    return wrong("usage: %s --url URL --ca FILE.pem --p12 FILE --password-file FILE --card FILE.pdf [--soap 1.1|1.2] [--mtom]", *words);
}

/*
 * The generated code speaks the version of SOAP whose namespaces stand first in the table of CtrBinding.nsmap: 1.1 here,
 * 1.2 after soapcpp2 -2. One program that speaks both exchanges the table. (soap_set_version lasts until the next call only.)
 */
static void speak_soap12(struct soap *soap)
{
    static struct Namespace table[sizeof namespaces / sizeof namespaces[0]];
    memcpy(table, namespaces, sizeof namespaces);
    table[0].ns = "http://www.w3.org/2003/05/soap-envelope";
    table[1].ns = "http://www.w3.org/2003/05/soap-encoding";
    soap_set_namespaces(soap, table);
}

/*
 * A context for all calls. CANONICAL: gSOAP writes canonical XML and signs what it writes. UTFSTRING: texts are UTF-8,
 * not Latin-1. KEEPALIVE: one connection for all calls.
 */
static struct soap *new_context(const struct options *options)
{
    struct soap *soap = soap_new1(SOAP_XML_CANONICAL | SOAP_C_UTFSTRING | SOAP_IO_KEEPALIVE);
    if (soap == NULL)
        return NULL;
    soap->connect_timeout = soap->send_timeout = soap->recv_timeout = SECONDS_TO_WAIT;
    if (options->mtom)
        soap_set_omode(soap, SOAP_ENC_MTOM);
    if (same(options->soap, "1.2"))
        speak_soap12(soap);
    return soap;
}

static bool run(struct client *client, const struct options *options)
{
    struct outcome outcome = {0};
    const char *reason = identity_read(&client->who, options->p12, options->passwordFile);
    if (reason != NULL)
        return wrong("%s", reason);
    if (soap_register_plugin(client->soap, soap_wsse) || tls_trust_only(client->soap, options->ca))
        return failed(client->soap, "set-up");
    return walk(client, &outcome, options->card) && print_outcome(client, &outcome, options);
}

int main(int count, char **words)
{
    struct options options = {0};
    if (!read_options(&options, count, words))
        return EXIT_FAILURE;
    signal(SIGPIPE, SIG_IGN); /* a server that hangs up is an error to report, not a reason to die */

    struct client client = {.soap = new_context(&options), .url = options.url, .mtom = options.mtom};
    if (client.soap == NULL) {
        wrong("out of memory");
        return EXIT_FAILURE;
    }
    bool done = run(&client, &options);
    soap_destroy(client.soap);
    soap_end(client.soap); /* replies and texts live until here: call both after each request in a long-running program */
    soap_free(client.soap);
    identity_free(&client.who);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
