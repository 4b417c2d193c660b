package io.tideline;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import java.io.Serializable;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** What Maven cannot see of the order between packages, and of what must never be called. */
@AnalyzeClasses(
    packages = "io.tideline",
    importOptions = {ImportOption.DoNotIncludeTests.class})
final class ArchitectureTest {
  private static final Set<String> WAITING = Set.of("join", "get", "await", "sleep");

  @ArchTest
  static final ArchRule no_package_needs_one_that_needs_it =
      slices().matching("io.tideline.(**)").should().beFreeOfCycles();

  // The journal of the entities is Pekko's, so it and whoever reads all of it know Pekko, too.
  @ArchTest
  static final ArchRule only_entities_their_journal_and_its_reader_know_pekko =
      noClasses()
          .that()
          .resideInAPackage("..persistence..")
          .and()
          .haveNameNotMatching(".*(Entity|\\.UserStates|\\.UserJournal)(\\$.*)?")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.apache.pekko..");

  // Log writers and the tools that replay parked lines have threads of their own.
  @ArchTest
  static final ArchRule nobody_waits =
      noClasses()
          .that()
          .resideInAnyPackage("..persistence..", "..multidc..", "..node.api..", "..node.ops..")
          .and()
          .haveNameNotMatching(".*(LogWriter|ParkedLines)(\\$.*)?")
          .should()
          .callCodeUnitWhere(describe("it waits", ArchitectureTest::waits));

  @ArchTest
  static final ArchRule nothing_of_ours_is_serializable_by_java =
      noClasses()
          .should(
              ArchCondition.from(
                  describe(
                      "declare java.io.Serializable",
                      type ->
                          type.getRawInterfaces().stream()
                              .anyMatch(each -> each.isEquivalentTo(Serializable.class)))));

  private static boolean waits(JavaCall<?> call) {
    return WAITING.contains(call.getName())
        && (call.getTargetOwner().isAssignableTo(Future.class)
            || call.getTargetOwner().isAssignableTo(CountDownLatch.class)
            || call.getTargetOwner().isEquivalentTo(TimeUnit.class)
            || call.getTargetOwner().isEquivalentTo(Thread.class));
  }
}
