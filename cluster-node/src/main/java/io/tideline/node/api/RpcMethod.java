package io.tideline.node.api;

import com.google.protobuf.Descriptors;
import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.protobuf.ProtoServiceDescriptorSupplier;
import io.grpc.protobuf.ProtoUtils;
import java.io.InputStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.NotUsed;
import org.apache.pekko.grpc.javadsl.Metadata;
import org.apache.pekko.stream.javadsl.Source;
import org.jspecify.annotations.Nullable;

/** One rpc of a mounted service: what grpc-java must know of it, and the method that answers it. */
final class RpcMethod {
  private final MethodDescriptor<Message, Object> descriptor;
  private final MethodHandle answer;
  private final GrpcMount.@Nullable Encoding encoding;

  private RpcMethod(
      MethodDescriptor<Message, Object> descriptor,
      MethodHandle answer,
      GrpcMount.@Nullable Encoding encoding) {
    this.descriptor = descriptor;
    this.answer = answer;
    this.encoding = encoding;
  }

  /** Every rpc of the service, bound once: calls use no reflection. */
  static <S> List<RpcMethod> allOf(GrpcMount<S> mount) {
    return mount.serviceDescriptor().getMethods().stream().map(rpc -> bind(mount, rpc)).toList();
  }

  /** What grpc-java must know of the service itself. */
  static ServiceDescriptor schemaOf(GrpcMount<?> mount, List<RpcMethod> methods) {
    ServiceDescriptor.Builder schema =
        ServiceDescriptor.newBuilder(mount.name())
            .setSchemaDescriptor(new ServiceSchema(mount.serviceDescriptor()));
    methods.forEach(method -> schema.addMethod(method.descriptor));
    return schema.build();
  }

  /** Answers are messages or {@link EncodedAnswer}s. */
  MethodDescriptor<Message, Object> descriptor() {
    return descriptor;
  }

  boolean isUnary() {
    return descriptor.getType() == MethodDescriptor.MethodType.UNARY;
  }

  CompletionStage<?> answerOnce(Message request, Metadata metadata) throws Throwable {
    return encoding != null
        ? encoding.answer(request, metadata)
        : (CompletionStage<?>) (Object) answer.invokeExact(request, metadata);
  }

  @SuppressWarnings("unchecked")
  Source<Message, NotUsed> answerStream(Message request, Metadata metadata) throws Throwable {
    return (Source<Message, NotUsed>) (Object) answer.invokeExact(request, metadata);
  }

  private static <S> RpcMethod bind(GrpcMount<S> mount, Descriptors.MethodDescriptor rpc) {
    if (rpc.isClientStreaming()) {
      throw new IllegalArgumentException(
          rpc.getFullName() + " streams requests; only answers may be streams");
    }
    Method method = methodOf(mount.api(), rpc);
    try {
      MethodHandle answer =
          MethodHandles.publicLookup()
              .unreflect(method)
              .bindTo(mount.service())
              .asType(MethodType.methodType(Object.class, Message.class, Metadata.class));
      return new RpcMethod(describe(rpc, method), answer, mount.encoded().get(rpc.getName()));
    } catch (IllegalAccessException e) {
      throw new IllegalArgumentException(mount.api().getName() + " must be public", e);
    }
  }

  private static Method methodOf(Class<?> api, Descriptors.MethodDescriptor rpc) {
    Class<?> answer = rpc.isServerStreaming() ? Source.class : CompletionStage.class;
    for (Method method : api.getMethods()) {
      if (method.getName().equalsIgnoreCase(rpc.getName())
          && method.getParameterCount() == 2
          && method.getParameterTypes()[1] == Metadata.class
          && method.getReturnType() == answer) {
        return method;
      }
    }
    throw new IllegalArgumentException(
        "%s has no method %s(request, Metadata) that returns a %s"
            .formatted(api.getName(), rpc.getName(), answer.getSimpleName()));
  }

  private static MethodDescriptor<Message, Object> describe(
      Descriptors.MethodDescriptor rpc, Method method) {
    ParameterizedType answer = (ParameterizedType) method.getGenericReturnType();
    return MethodDescriptor.<Message, Object>newBuilder()
        .setType(
            rpc.isServerStreaming()
                ? MethodDescriptor.MethodType.SERVER_STREAMING
                : MethodDescriptor.MethodType.UNARY)
        .setFullMethodName(
            MethodDescriptor.generateFullMethodName(rpc.getService().getFullName(), rpc.getName()))
        .setRequestMarshaller(ProtoUtils.marshaller(emptyOf(method.getParameterTypes()[0])))
        .setResponseMarshaller(
            new Answers(
                ProtoUtils.marshaller(emptyOf((Class<?>) answer.getActualTypeArguments()[0]))))
        .build();
  }

  private record Answers(MethodDescriptor.Marshaller<Message> messages)
      implements MethodDescriptor.Marshaller<Object> {
    @Override
    public InputStream stream(Object answer) {
      return answer instanceof EncodedAnswer encoded
          ? EncodedAnswer.MARSHALLER.stream(encoded)
          : messages.stream((Message) answer);
    }

    @Override
    public Object parse(InputStream bytes) {
      return messages.parse(bytes);
    }
  }

  private static Message emptyOf(Class<?> messageClass) {
    return com.google.protobuf.Internal.getDefaultInstance(messageClass.asSubclass(Message.class));
  }

  /** Lets server reflection find the proto file of a service. */
  private record ServiceSchema(Descriptors.ServiceDescriptor service)
      implements ProtoServiceDescriptorSupplier {
    @Override
    public Descriptors.ServiceDescriptor getServiceDescriptor() {
      return service;
    }

    @Override
    public Descriptors.FileDescriptor getFileDescriptor() {
      return service.getFile();
    }
  }
}
