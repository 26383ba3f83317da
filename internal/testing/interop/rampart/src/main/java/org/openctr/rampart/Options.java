package org.openctr.rampart;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What stands on the command line. */
record Options(Map<String, String> values, boolean mtom) {

    private static final List<String> REQUIRED = List.of("url", "ca", "p12", "password-file", "card");

    static Options parse(String[] arguments) {
        Map<String, String> values = new HashMap<>();
        values.put("soap", "1.1");
        boolean mtom = false;
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].equals("--mtom")) {
                mtom = true;
            } else if (arguments[i].startsWith("--") && i + 1 < arguments.length) {
                values.put(arguments[i].substring(2), arguments[++i]);
            } else {
                throw new IllegalArgumentException("not understood: " + arguments[i]);
            }
        }
        for (String name : REQUIRED) {
            if (!values.containsKey(name)) {
                throw new IllegalArgumentException("--" + name + " is missing");
            }
        }
        return new Options(values, mtom);
    }

    String get(String name) {
        return values.get(name);
    }

    Path path(String name) {
        return Path.of(values.get(name));
    }
}
