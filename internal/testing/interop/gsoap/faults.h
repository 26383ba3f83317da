/* To copy, too: what a refused call tells. It needs the two additions to the fault's types in typemap.dat. */

#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>

#include "soapH.h"

/* Everything in it belongs to the soap context, and goes with soap_end. */
struct refusal {
    const char *code;    /* RULES_VIOLATED and the like; SOA-01001 and the like for what is technical */
    const char *message; /* in English */
    const struct ctr__ViolationsType *violations; /* everything that was found, each with its code and place; or NULL */
};

/* Reads the fault of the last call; false when the call failed without a fault of the register. */
bool refusal_read(const struct soap *soap, struct refusal *refusal);

#endif
