import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.legacy.RichSinkFunction;
import org.apache.flink.streaming.api.functions.source.legacy.SourceFunction;
import org.apache.flink.util.Collector;

/** Cells of minutes, hours and days from a file of lines; reports the orders in all cells of each grain. */
public final class FlinkCells {
  private static final String[] GRAINS = {"minute", "hour", "day"};
  private static final int[] LENGTHS = {16, 13, 10}; // of the text of a time

  public static void main(String[] arguments) throws Exception {
    // The log, the directory of checkpoints, the port of the reader, and the checkpoint to go on from.
    Configuration configuration = new Configuration();
    configuration.setString("execution.checkpointing.dir", "file://" + arguments[1]);
    configuration.setString("execution.checkpointing.interval", "1s");
    configuration.setString(
        "execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
    if (arguments.length > 3) {
      configuration.setString("execution.state-recovery.path", arguments[3]);
    }
    StreamExecutionEnvironment environment =
        StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
    environment.setBufferTimeout(1); // the default of 100 ms would be the delay
    environment
        .addSource(new FollowedFile(arguments[0]), "orders", Types.STRING)
        .uid("orders")
        .<Tuple3<String, Integer, Long>>flatMap(FlinkCells::addToCells)
        .returns(Types.TUPLE(Types.STRING, Types.INT, Types.LONG))
        .keyBy(change -> change.f0, Types.STRING)
        .process(new Cell())
        .uid("cells")
        .addSink(new Reporter(Integer.parseInt(arguments[2])))
        .uid("reporter");
    environment.execute("cells");
  }

  private static final ObjectMapper JSON = new ObjectMapper();

  private static void addToCells(String line, Collector<Tuple3<String, Integer, Long>> changes)
      throws IOException {
    JsonNode order = JSON.readTree(line);
    String at = order.get("placed_at").asText();
    String kind = " " + order.get("store").asText() + " " + order.get("drink").asText();
    long quantity = order.get("quantity").asLong();
    for (int grain = 0; grain < GRAINS.length; grain++) {
      String cell = GRAINS[grain] + " " + at.substring(0, LENGTHS[grain]) + kind;
      changes.collect(Tuple3.of(cell, grain, quantity));
    }
  }

  /** Emits the complete lines of a file as they are appended; its place is part of each checkpoint. */
  private static final class FollowedFile implements SourceFunction<String>, CheckpointedFunction {
    private static final int READ_BYTES = 1 << 16;
    private final String path;
    private volatile boolean running = true;
    private long place;
    private transient ListState<Long> stored;

    FollowedFile(String path) {
      this.path = path;
    }

    @Override
    public void run(SourceContext<String> context) throws Exception {
      byte[] buffer = new byte[READ_BYTES];
      try (RandomAccessFile file = new RandomAccessFile(path, "r")) {
        while (running) {
          file.seek(place);
          int read = file.read(buffer);
          int begin = 0;
          synchronized (context.getCheckpointLock()) {
            for (int at = 0; at < read; at++) {
              if (buffer[at] == '\n') {
                context.collect(new String(buffer, begin, at - begin, StandardCharsets.UTF_8));
                begin = at + 1;
              }
            }
            place += begin;
          }
          if (begin == 0) {
            Thread.sleep(1);
          }
        }
      }
    }

    @Override
    public void cancel() {
      running = false;
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
      stored = context.getOperatorStateStore().getListState(new ListStateDescriptor<>("place", Types.LONG));
      for (long each : stored.get()) {
        place = each;
      }
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
      stored.update(List.of(place));
    }
  }

  /** Adds an order to its cell, which is kept for ever, and passes on the grain. */
  private static final class Cell
      extends KeyedProcessFunction<String, Tuple3<String, Integer, Long>, Integer> {
    private transient ValueState<Tuple3<Long, Long, Long>> sums;

    @Override
    public void open(OpenContext context) {
      sums =
          getRuntimeContext()
              .getState(
                  new ValueStateDescriptor<>("sums", Types.TUPLE(Types.LONG, Types.LONG, Types.LONG)));
    }

    @Override
    public void processElement(
        Tuple3<String, Integer, Long> change, Context context, Collector<Integer> grains)
        throws IOException {
      Tuple3<Long, Long, Long> now = sums.value();
      long orders = now == null ? 0 : now.f0;
      long quantity = (now == null ? 0 : now.f1) + change.f2;
      sums.update(Tuple3.of(orders + 1, quantity, quantity * 450));
      grains.collect(change.f1);
    }
  }

  /** Counts the orders added to the cells of each grain, and tells the reader each millisecond. */
  private static final class Reporter extends RichSinkFunction<Integer>
      implements CheckpointedFunction {
    private final int port;
    private transient AtomicLongArray counted;
    private transient ListState<Long> stored;
    private transient Thread telling;

    Reporter(int port) {
      this.port = port;
    }

    @Override
    public void invoke(Integer grain, Context context) {
      counted.incrementAndGet(grain);
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
      counted = new AtomicLongArray(GRAINS.length);
      stored = context.getOperatorStateStore().getListState(new ListStateDescriptor<>("counted", Types.LONG));
      int grain = 0;
      for (long each : stored.get()) {
        counted.set(grain++, each);
      }
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
      stored.update(List.of(counted.get(0), counted.get(1), counted.get(2)));
    }

    @Override
    public void open(OpenContext context) {
      telling = new Thread(this::tell, "reporter");
      telling.setDaemon(true);
      telling.start();
    }

    @Override
    public void close() {
      telling.interrupt();
    }

    private void tell() {
      String before = "";
      try (Socket socket = new Socket("127.0.0.1", port)) {
        socket.setTcpNoDelay(true);
        OutputStream out = socket.getOutputStream();
        while (true) {
          String line = counted.get(0) + " " + counted.get(1) + " " + counted.get(2) + "\n";
          if (!line.equals(before)) {
            out.write(line.getBytes(StandardCharsets.US_ASCII));
            before = line;
          }
          Thread.sleep(1);
        }
      } catch (IOException | InterruptedException ended) {
        // The reader has gone, or the job ends.
      }
    }
  }
}
