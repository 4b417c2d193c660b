// A client that was never told what Tideline is: it asks the server which services there are and
// what their messages look like, publishes a post and finds it in its author's home feed.
const grpc = require('@grpc/grpc-js');
const { GrpcReflection } = require('grpc-js-reflection-client');

const address = process.argv[2];
const author = process.argv[3];
const credentials = grpc.credentials.createInsecure();

async function serviceOf(reflection, name) {
  const descriptor = await reflection.getDescriptorBySymbol(name);
  const packages = descriptor.getPackageObject({ keepCase: true });
  const Service = name.split('.').reduce((found, part) => found[part], packages);
  return new Service(address, credentials);
}

function call(service, method, request) {
  const deadline = Date.now() + 20_000;
  return new Promise((resolve, reject) =>
    service[method](request, { deadline }, (error, answer) => (error ? reject(error) : resolve(answer))));
}

async function main() {
  for (const version of ['v1alpha', 'v1']) {
    const services = await new GrpcReflection(address, credentials, {}, version).listServices();
    console.log(version, services.sort().join(' '));
  }
  const reflection = new GrpcReflection(address, credentials, {}, 'v1');

  const posts = await serviceOf(reflection, 'tideline.v1.PostService');
  const feeds = await serviceOf(reflection, 'tideline.v1.FeedService');
  const published = await call(posts, 'Publish', {
    author_id: author,
    idempotency_key: 'generic-' + process.pid,
    content: { text: 'Hello from a client that knows only reflection' },
  });
  console.log('published', published.post_id);
  const page = await call(feeds, 'ReadFeed', {
    user_id: author,
    consistency_token: published.consistency_token,
  });
  page.cards.forEach((card) => console.log('read', card.post.post_id, card.post.text));
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error.message || error);
    process.exit(1);
  });
