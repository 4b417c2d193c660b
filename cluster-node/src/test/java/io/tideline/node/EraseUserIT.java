package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static io.tideline.node.TestNode.user;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Row;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.tideline.localstack.LocalStack;
import io.tideline.persistence.user.UserEntity;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.v1.AbsenceReason;
import io.tideline.protocols.v1.BlockRequest;
import io.tideline.protocols.v1.DeletePostRequest;
import io.tideline.protocols.v1.EditPostRequest;
import io.tideline.protocols.v1.EraseUserRequest;
import io.tideline.protocols.v1.EraseUserResponse;
import io.tideline.protocols.v1.ErasedData;
import io.tideline.protocols.v1.ErasedItem;
import io.tideline.protocols.v1.ExplainEntryRequest;
import io.tideline.protocols.v1.FollowTagRequest;
import io.tideline.protocols.v1.GetPostRequest;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.ListPostsRequest;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.pekko.stream.connectors.cassandra.javadsl.CassandraSessionRegistry;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What is left of an erased user on a whole node; users fall asleep after a second or two. */
class EraseUserIT {
  private static final String SOME_POST = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

  private static TestNode node;
  private static CqlSession session;
  private static String keyspace;

  private final String ann = user("ann");
  private final String bob = user("bob");
  private final String cid = user("cid");

  @BeforeAll
  static void start() {
    node =
        TestNode.start(
            "netty",
            Map.of(
                "tideline.persistence.user.passivate-after", "2s",
                "tideline.node.consistency-wait", "20s",
                "tideline.node.ask-timeout", "20s"));
    session =
        CassandraSessionRegistry.get(node.system())
            .sessionFor("pekko.persistence.cassandra")
            .underlying()
            .toCompletableFuture()
            .join();
    keyspace = node.system().settings().config().getString("tideline.node.cassandra.keyspace");
  }

  @AfterAll
  static void stop() throws Exception {
    if (node != null) node.close();
  }

  @Test
  void the_posts_of_an_erased_user_leave_all_feeds_and_what_others_wrote_stays() {
    String tag = "tide" + UUID.randomUUID().toString().substring(0, 8);
    node.follow(ann, bob);
    node.follow(ann, cid);
    ok(node.graph.followTag(FollowTagRequest.newBuilder().setUserId(cid).setTag(tag).build()));
    PublishResponse post = publish(bob, c -> c.setText("tagged").addTags(tag));
    PublishResponse repost =
        ok(
            node.posts.publish(
                request(cid, c -> c).toBuilder().setRepostOf(post.getPostId()).build()));
    read(ann, publish(bob, c -> c.setText("plain")).getConsistencyToken());
    assertThat(read(ann, repost.getConsistencyToken()))
        .extracting(Post::getText)
        .contains("plain", "tagged");
    assertThat(read(cid, "")).extracting(Post::getAuthorId).contains(bob);

    EraseUserResponse receipt = erase(bob);

    assertThat(read(ann, receipt.getConsistencyToken()))
        .extracting(Post::getPostId)
        .containsExactly(repost.getPostId());
    assertThat(read(cid, "")).extracting(Post::getAuthorId).containsOnly(cid);
    assertThat(read(bob, "")).isEmpty();
    assertThat(posts(bob)).isEmpty();
    assertThat(Refusal.of(() -> get(post.getPostId())).reason()).isEqualTo("DELETED");
    assertThat(
            ok(node.feeds.explainEntry(
                    ExplainEntryRequest.newBuilder()
                        .setUserId(ann)
                        .setPostId(post.getPostId())
                        .build()))
                .getAbsence())
        .isEqualTo(AbsenceReason.ABSENCE_REASON_DELETED);
  }

  @Test
  void a_feed_that_slept_meanwhile_does_not_bring_back_what_its_checkpoint_holds() {
    node.follow(ann, bob);
    List<PublishResponse> posts =
        IntStream.range(0, 40).mapToObj(i -> publish(bob, c -> c.setText("post " + i))).toList();
    assertThat(read(ann, posts.get(39).getConsistencyToken())).hasSize(20);
    await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(500))
        .until(
            () ->
                rows(
                            "SELECT event FROM %s.messages WHERE persistence_id = ? AND"
                                + " partition_nr = 0",
                            ann)
                        .size()
                    > 1);
    EraseUserResponse receipt = erase(bob);
    assertThat(read(ann, receipt.getConsistencyToken())).isEmpty();
  }

  @Test
  void storage_keeps_of_an_erased_user_only_that_it_is_erased() {
    String tag = "tide" + UUID.randomUUID().toString().substring(0, 8);
    node.follow(bob, ann);
    ok(node.filters.block(BlockRequest.newBuilder().setUserId(bob).setTargetId(cid).build()));
    PublishResponse edited = publish(bob, c -> c.setText("one").addTags(tag).addTags("other"));
    PublishResponse deleted = publish(bob, c -> c.setText("two").addTags(tag));
    get(edited.getPostId());
    get(deleted.getPostId());
    edit(edited.getPostId());
    delete(deleted.getPostId());
    List<CompletionStage<PublishResponse>> many = new ArrayList<>();
    for (int i = 0; i < 100; i++) many.add(node.posts.publish(request(bob, c -> c.setText("x"))));
    many.forEach(TestNode::ok);
    assertThat(read(bob, ok(many.get(99)).getConsistencyToken())).isNotEmpty();
    assertThat(snapshots(bob)).isNotEmpty();

    EraseUserResponse receipt = erase(bob);

    assertThat(receipt.getItemsList())
        .extracting(ErasedItem::getWhat)
        .doesNotHaveDuplicates()
        .hasSize(ErasedData.values().length - 2);
    ErasedItem posts = item(receipt, ErasedData.ERASED_DATA_POSTS);
    assertThat(posts.getCount()).isEqualTo(102);
    assertThat(posts.getDoneAtMillis()).isGreaterThanOrEqualTo(receipt.getErasedAtMillis());
    ErasedItem events = item(receipt, ErasedData.ERASED_DATA_JOURNAL_EVENTS);
    assertThat(events.getCount()).isGreaterThanOrEqualTo(106);
    assertThat(item(receipt, ErasedData.ERASED_DATA_LOG_LINES).getGoesAtMillis())
        .isEqualTo(receipt.getErasedAtMillis() + Duration.ofDays(7).toMillis());

    assertThat(
            rows(
                "SELECT sequence_nr FROM %s.messages WHERE persistence_id = ? AND partition_nr = 0",
                bob))
        .extracting(row -> row.getLong(0))
        .containsExactly(events.getCount() + 1, events.getCount() + 2);
    assertThat(snapshots(bob)).isEmpty();
    assertThat(select("SELECT * FROM %s.outbox WHERE user = ? ALLOW FILTERING", bob)).isEmpty();
    assertThat(select("SELECT * FROM %s.posts_by_author WHERE author = ?", bob)).isEmpty();
    assertThat(select("SELECT * FROM %s.posts_by_tag WHERE author = ? ALLOW FILTERING", bob))
        .isEmpty();
    assertThat(select("SELECT line FROM %s.posts WHERE author = ? ALLOW FILTERING", bob))
        .hasSize(102)
        .allSatisfy(row -> assertThat(row.getByteBuffer(0).remaining()).isZero());

    assertThat(erase(bob)).as("asked again").isEqualTo(receipt);
    sleepUntilAsleep();
    assertThat(erase(bob)).as("asked again after it was asleep").isEqualTo(receipt);
    assertThat(
            ok(node.graph.listFollowing(ListFollowingRequest.newBuilder().setUserId(bob).build()))
                .getFolloweeIdsList())
        .isEmpty();
  }

  @Test
  void an_erased_user_writes_nothing_more() {
    PublishRequest imported =
        request(bob, c -> c.setText("old")).toBuilder()
            .setCreatedAtMillis(1_600_000_000_000L)
            .build();
    PublishResponse before = ok(node.posts.publish(imported));
    assertThat(read(bob, before.getConsistencyToken())).hasSize(1);
    erase(bob);
    sleepUntilAsleep();
    assertErased(() -> publish(bob, c -> c.setText("again")));
    assertErased(() -> ok(node.posts.publish(imported)));
    assertErased(() -> edit(before.getPostId()));
    assertErased(() -> delete(before.getPostId()));
    assertErased(() -> edit(SOME_POST));
    assertErased(() -> node.follow(bob, ann));
    assertErased(
        () ->
            ok(
                node.feeds.markRead(
                    MarkReadRequest.newBuilder()
                        .setUserId(bob)
                        .setPostId(before.getPostId())
                        .build())));
    node.follow(ann, bob);
    assertThat(read(ann, "")).isEmpty();
  }

  @Test
  void late_lines_and_the_whole_log_once_more_bring_nothing_back() throws Exception {
    String tag = "tide" + UUID.randomUUID().toString().substring(0, 8);
    node.follow(ann, bob);
    node.follow(ann, cid);
    PublishResponse post = publish(bob, c -> c.setText("once").addTags(tag));
    read(ann, post.getConsistencyToken());
    erase(bob);

    PostId late = PostId.of(System.currentTimeMillis() << 16, 1, new UserId(bob), "late");
    PostLine line =
        PostLine.newBuilder()
            .setKind(PostLineKind.POST_LINE_KIND_PUBLISHED)
            .setPostId(late.toByteString())
            .setAuthorId(bob)
            .setVersion(late.hi())
            .setOriginCell(1)
            .setSequence(1_000)
            .setPost(
                Post.newBuilder()
                    .setPostId(late.toString())
                    .setAuthorId(bob)
                    .setText("late")
                    .build()
                    .toByteString())
            .build();
    List<ConsumerRecord<byte[], byte[]>> whole = log();
    try (KafkaProducer<byte[], byte[]> producer = producer()) {
      for (ConsumerRecord<byte[], byte[]> old : whole) {
        producer
            .send(new ProducerRecord<>(old.topic(), old.partition(), old.key(), old.value()))
            .get();
      }
      int partition = partitionOf(whole, bob);
      producer
          .send(new ProducerRecord<>(topic(), partition, bob.getBytes(UTF_8), line.toByteArray()))
          .get();
    }
    PublishResponse after = publish(cid, c -> c.setText("after"));
    await()
        .atMost(Duration.ofSeconds(20))
        .until(
            () ->
                select("SELECT id FROM %s.posts WHERE author = ? ALLOW FILTERING", bob).size()
                    == 2);

    assertThat(read(ann, after.getConsistencyToken()))
        .extracting(Post::getText)
        .containsExactly("after");
    String zoe = user("zoe");
    node.follow(zoe, bob);
    ok(node.graph.followTag(FollowTagRequest.newBuilder().setUserId(zoe).setTag(tag).build()));
    assertThat(read(zoe, "")).isEmpty();
    assertThat(posts(bob)).isEmpty();
    for (String id : List.of(post.getPostId(), late.toString())) {
      assertThat(Refusal.of(() -> get(id)).code()).isEqualTo(Status.Code.NOT_FOUND);
    }
    assertThat(select("SELECT * FROM %s.posts_by_author WHERE author = ?", bob)).isEmpty();
    assertThat(select("SELECT * FROM %s.posts_by_tag WHERE author = ? ALLOW FILTERING", bob))
        .isEmpty();
    assertThat(select("SELECT line FROM %s.posts WHERE author = ? ALLOW FILTERING", bob))
        .allSatisfy(row -> assertThat(row.getByteBuffer(0).remaining()).isZero());
  }

  // --- the log ---

  private static String topic() {
    return "tideline.posts." + keyspace;
  }

  private static Map<String, Object> kafka() {
    return Map.of("bootstrap.servers", LocalStack.shared().kafka().bootstrapServers());
  }

  private static KafkaProducer<byte[], byte[]> producer() {
    return new KafkaProducer<>(kafka(), new ByteArraySerializer(), new ByteArraySerializer());
  }

  private static List<ConsumerRecord<byte[], byte[]>> log() {
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(kafka(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic()).stream()
              .map(partition -> new TopicPartition(topic(), partition.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      long lines =
          consumer.endOffsets(partitions).values().stream().mapToLong(Long::longValue).sum();
      List<ConsumerRecord<byte[], byte[]>> read = new ArrayList<>();
      while (read.size() < lines) consumer.poll(Duration.ofMillis(200)).forEach(read::add);
      return read;
    }
  }

  private static int partitionOf(List<ConsumerRecord<byte[], byte[]>> lines, String author) {
    return lines.stream()
        .filter(line -> new String(line.key(), UTF_8).equals(author))
        .findFirst()
        .orElseThrow()
        .partition();
  }

  // --- storage ---

  private static List<Row> select(String cql, String user) {
    return session.execute(cql.formatted(keyspace), user).all();
  }

  private static List<Row> rows(String cql, String user) {
    return select(cql, UserEntity.persistenceId(new UserId(user)).id());
  }

  private static List<Row> snapshots(String user) {
    return rows("SELECT sequence_nr FROM %s.snapshots WHERE persistence_id = ?", user);
  }

  private static void sleepUntilAsleep() {
    CompletableFuture.runAsync(() -> {}, CompletableFuture.delayedExecutor(5, TimeUnit.SECONDS))
        .join();
  }

  // --- the calls ---

  private static void assertErased(ThrowingCallable call) {
    Refusal refusal = Refusal.of(call);
    assertThat(refusal.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    assertThat(refusal.reason()).isEqualTo("ERASED");
  }

  private static EraseUserResponse erase(String user) {
    return ok(node.users.eraseUser(EraseUserRequest.newBuilder().setUserId(user).build()));
  }

  private static ErasedItem item(EraseUserResponse receipt, ErasedData what) {
    return receipt.getItemsList().stream()
        .filter(item -> item.getWhat() == what)
        .findFirst()
        .orElseThrow();
  }

  private static PublishResponse publish(
      String author, UnaryOperator<PostContent.Builder> content) {
    return ok(node.posts.publish(request(author, content)));
  }

  private static PublishRequest request(String author, UnaryOperator<PostContent.Builder> content) {
    return PublishRequest.newBuilder()
        .setAuthorId(author)
        .setIdempotencyKey(UUID.randomUUID().toString())
        .setContent(content.apply(PostContent.newBuilder()))
        .build();
  }

  private void edit(String bobsPost) {
    ok(
        node.posts.editPost(
            EditPostRequest.newBuilder()
                .setAuthorId(bob)
                .setPostId(bobsPost)
                .setContent(PostContent.newBuilder().setText("changed"))
                .build()));
  }

  private void delete(String bobsPost) {
    ok(
        node.posts.deletePost(
            DeletePostRequest.newBuilder().setAuthorId(bob).setPostId(bobsPost).build()));
  }

  private static Post get(String post) {
    return ok(node.posts.getPost(GetPostRequest.newBuilder().setPostId(post).build())).getPost();
  }

  private static List<Post> posts(String author) {
    return ok(node.posts.listPosts(ListPostsRequest.newBuilder().setAuthorId(author).build()))
        .getPostsList();
  }

  private static List<Post> read(String user, String token) {
    ReadFeedRequest request =
        ReadFeedRequest.newBuilder().setUserId(user).setConsistencyToken(token).build();
    // Who has just gone to sleep says so, and is asked again.
    return await()
        .atMost(Duration.ofSeconds(30))
        .pollDelay(Duration.ZERO)
        .ignoreExceptionsMatching(
            e -> e instanceof StatusRuntimeException failure && TestClient.isWorthRetrying(failure))
        .until(() -> ok(node.feeds.readFeed(request)), page -> true)
        .getCardsList()
        .stream()
        .map(card -> card.getPost())
        .toList();
  }
}
