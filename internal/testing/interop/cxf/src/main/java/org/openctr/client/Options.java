package org.openctr.client;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The command line. */
record Options(String url, Path ca, Path p12, String password, Path card, String soap, boolean mtom, boolean policy) {

    private static final List<String> REQUIRED = List.of("--url", "--ca", "--p12", "--password-file", "--card");
    private static final String USAGE = "usage: java -jar target/client.jar --url URL --ca FILE.pem --p12 FILE "
            + "--password-file FILE --card FILE.pdf [--soap 1.1|1.2] [--mtom] [--policy]";

    static Options parse(String[] arguments) throws IOException {
        Map<String, String> given = new HashMap<>();
        for (int i = 0; i < arguments.length; i++) {
            switch (arguments[i]) {
                case "--mtom", "--policy" -> given.put(arguments[i], "");
                case "--url", "--ca", "--p12", "--password-file", "--card", "--soap" -> {
                    if (i + 1 == arguments.length) {
                        throw new IllegalArgumentException(arguments[i] + " needs a value; " + USAGE);
                    }
                    given.put(arguments[i], arguments[++i]);
                }
                default -> throw new IllegalArgumentException("unknown: " + arguments[i] + "; " + USAGE);
            }
        }
        for (String name : REQUIRED) {
            if (!given.containsKey(name)) {
                throw new IllegalArgumentException(name + " is missing; " + USAGE);
            }
        }
        String soap = given.getOrDefault("--soap", "1.1");
        if (!List.of("1.1", "1.2").contains(soap)) {
            throw new IllegalArgumentException("SOAP is 1.1 or 1.2; " + USAGE);
        }
        if (given.containsKey("--policy") && soap.equals("1.2")) {
            throw new IllegalArgumentException("the form of the contract with the policy is for SOAP 1.1");
        }
        String password = Files.readString(Path.of(given.get("--password-file"))).replaceAll("[\r\n]+$", "");
        return new Options(given.get("--url"), Path.of(given.get("--ca")), Path.of(given.get("--p12")), password,
                Path.of(given.get("--card")), soap, given.containsKey("--mtom"), given.containsKey("--policy"));
    }
}
