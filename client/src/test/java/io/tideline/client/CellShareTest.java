package io.tideline.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class CellShareTest {
  private final CellShare share = new CellShare();
  private long seconds;

  @Test
  void a_cell_that_is_well_from_the_start_gets_everybody() {
    pass(5, false, false);
    pass(1, true, false);
    assertThat(share.tenths()).isEqualTo(10);
  }

  @Test
  void a_cell_that_goes_away_gets_nobody_at_once() {
    pass(10, true, false);
    pass(1, false, false);
    assertThat(share.tenths()).isZero();
  }

  @Test
  void a_cell_that_is_back_waits_and_then_gets_a_tenth_more_each_time() {
    pass(1, true, false);
    pass(60, false, false);
    pass(29, true, false);
    assertThat(share.tenths()).isZero();
    pass(1, true, false);
    assertThat(share.tenths()).isOne();
    pass(30, true, false);
    assertThat(share.tenths()).isEqualTo(2);
    pass(8 * 30, true, false);
    assertThat(share.tenths()).isEqualTo(10);
  }

  @Test
  void a_cell_that_comes_and_goes_gets_nobody() {
    pass(1, true, false);
    for (int i = 0; i < 20; i++) {
      pass(1, false, false);
      assertThat(share.tenths()).isZero();
      pass(25, true, false);
      assertThat(share.tenths()).isZero();
    }
  }

  @Test
  void a_cell_over_its_capacity_gets_fewer_until_it_has_room_and_then_slowly_more() {
    pass(100, true, false);
    pass(1, true, true);
    assertThat(share.tenths()).isEqualTo(9);
    pass(20, true, true);
    assertThat(share.tenths()).isEqualTo(7);
    pass(9, true, false);
    assertThat(share.tenths()).isEqualTo(7);
    pass(1, true, false);
    assertThat(share.tenths()).isEqualTo(8);
    pass(60, true, false);
    assertThat(share.tenths()).isEqualTo(10);
  }

  @Test
  void a_cell_that_stays_over_its_capacity_gets_nobody_in_the_end() {
    pass(1, true, false);
    pass(120, true, true);
    assertThat(share.tenths()).isZero();
  }

  @Property
  void whatever_happens_users_come_back_at_most_a_tenth_in_ten_seconds(@ForAll long seed) {
    Random random = new Random(seed);
    CellShare share = new CellShare();
    share.update(true, false, true, 0);
    List<Integer> grewAt = new ArrayList<>();
    for (int second = 1; second < 2_000; second++) {
      int before = share.tenths();
      boolean well = random.nextInt(100) != 0;
      boolean over = random.nextInt(10) == 0;
      share.update(well, over, true, TimeUnit.SECONDS.toNanos(second));
      assertThat(share.tenths()).isBetween(0, 10);
      if (share.tenths() > before) {
        assertThat(share.tenths()).isEqualTo(before + 1);
        grewAt.add(second);
      }
    }
    for (int i = 1; i < grewAt.size(); i++) {
      assertThat(grewAt.get(i) - grewAt.get(i - 1)).isGreaterThanOrEqualTo(10);
    }
  }

  @Test
  void a_cell_over_its_capacity_keeps_whom_it_has_while_no_other_can_have_them() {
    share.update(true, true, false, 0);
    assertThat(share.tenths()).isEqualTo(10);
    pass(12, true, true);
    assertThat(share.tenths()).isEqualTo(8);
    share.update(true, true, false, TimeUnit.SECONDS.toNanos(1_000));
    assertThat(share.tenths()).isEqualTo(8);
    share.update(false, true, false, TimeUnit.SECONDS.toNanos(1_001));
    assertThat(share.tenths()).isZero();
  }

  private void pass(int howLong, boolean well, boolean over) {
    for (int i = 0; i < howLong; i++) {
      share.update(well, over, true, TimeUnit.SECONDS.toNanos(seconds++));
    }
  }
}
