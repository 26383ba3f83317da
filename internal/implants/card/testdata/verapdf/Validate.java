import java.io.FileInputStream;
import java.io.InputStream;
import java.util.Set;
import java.util.TreeSet;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/** Validates files: PROFILES FILE... It prints one line per file and profile, and the rules that are broken. */
public class Validate {
  public static void main(String[] arguments) throws Exception {
    VeraGreenfieldFoundryProvider.initialise();
    for (int i = 1; i < arguments.length; i++) {
      for (String profile : arguments[0].split(",")) {
        PDFAFlavour flavour = PDFAFlavour.fromString(profile);
        try (InputStream in = new FileInputStream(arguments[i]);
            PDFAParser parser = Foundries.defaultInstance().createParser(in, flavour)) {
          ValidationResult result =
              Foundries.defaultInstance().createValidator(flavour, false).validate(parser);
          System.out.println((result.isCompliant() ? "PASS" : "FAIL") + " " + profile + " " + arguments[i]);
          Set<String> broken = new TreeSet<>();
          for (TestAssertion a : result.getTestAssertions()) {
            if (a.getStatus() == TestAssertion.Status.FAILED) {
              broken.add(a.getRuleId().getClause() + "-" + a.getRuleId().getTestNumber() + " " + a.getMessage());
            }
          }
          broken.forEach(rule -> System.out.println("  " + rule));
        }
      }
    }
  }
}
