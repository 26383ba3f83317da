package org.example.ctr;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** The command line. With policy, Metro signs by the policy of the contract, and not our Signer. */
record Options(String url, Path ca, Path p12, char[] password, Path card, String soap, boolean mtom, boolean policy) {

    static final String USAGE =
            "usage: --url URL --ca FILE.pem --p12 FILE --password-file FILE --card FILE.pdf"
            + " [--soap 1.1|1.2] [--mtom] [--policy]";

    static Options parse(String[] arguments) throws IOException {
        Map<String, String> given = new HashMap<>();
        boolean mtom = false;
        boolean policy = false;
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].equals("--mtom")) {
                mtom = true;
            } else if (arguments[i].equals("--policy")) {
                policy = true;
            } else if (arguments[i].startsWith("--") && i + 1 < arguments.length) {
                given.put(arguments[i].substring(2), arguments[++i]);
            } else {
                throw new IllegalArgumentException(USAGE);
            }
        }
        String soap = given.getOrDefault("soap", "1.1");
        if (!soap.equals("1.1") && (policy || !soap.equals("1.2"))) { // the policy form has a port for SOAP 1.1 only
            throw new IllegalArgumentException(USAGE);
        }
        String password = Files.readString(path(given, "password-file")).stripTrailing();
        return new Options(value(given, "url"), path(given, "ca"), path(given, "p12"), password.toCharArray(),
                path(given, "card"), soap, mtom, policy);
    }

    private static Path path(Map<String, String> given, String name) {
        return Path.of(value(given, name));
    }

    private static String value(Map<String, String> given, String name) {
        String value = given.get(name);
        if (value == null) {
            throw new IllegalArgumentException(USAGE);
        }
        return value;
    }
}
