using System.Diagnostics;
using System.Globalization;
using ShopMesh.Bench.Measuring;

namespace ShopMesh.Bench.Tests;

public sealed class CpuTimeTests
{
    /// <summary>Takes some CPU, a second or so, until the kernel sends the signal that comes with this limit; then says how much it took, by times(2).</summary>
    private const string Burn = """burn() { ulimit -S -t 1; burnt=; trap 'burnt=1' XCPU; while [ -z "$burnt" ]; do :; done; times; }""";

    [Fact]
    public async Task What_a_process_takes_is_counted_by_the_process()
    {
        using var shell = Start($"{Burn}; burn; read line");
        var burnt = await ReadBurntAsync(shell);

        Assert.InRange(CpuTime.Of(shell.Id).TotalSeconds, burnt - 0.02, burnt + 0.05);
        Assert.InRange(CpuTime.OfTree(shell.Id).TotalSeconds, burnt - 0.02, burnt + 0.05);
        await EndAsync(shell);
    }

    [Fact]
    public async Task The_children_count_while_they_live_and_when_they_have_ended()
    {
        using var shell = Start($"{Burn}; (burn; exec sleep 60) & child=$!; read line; kill $child; wait $child; echo ended; read line");
        var burnt = await ReadBurntAsync(shell);
        Assert.InRange(CpuTime.OfTree(shell.Id).TotalSeconds, burnt - 0.02, burnt + 0.1);
        Assert.InRange(CpuTime.Of(shell.Id).TotalSeconds, 0, 0.1);
        Assert.Equal(2, CpuTime.Tree(shell.Id).Count);

        await shell.StandardInput.WriteLineAsync();
        Assert.Equal("ended", await ReadLineAsync(shell));
        Assert.Single(CpuTime.Tree(shell.Id));
        Assert.InRange(CpuTime.OfTree(shell.Id).TotalSeconds, burnt - 0.02, burnt + 0.1);
        Assert.InRange(CpuTime.WithEnded(shell.Id).TotalSeconds, burnt - 0.02, burnt + 0.1);
        Assert.InRange(CpuTime.Of(shell.Id).TotalSeconds, 0, 0.1);
        await EndAsync(shell);
    }

    [Fact]
    public async Task A_meter_tells_what_was_taken_between_its_start_and_its_end_by_process()
    {
        using var shell = Start($"read line; {Burn}; burn; read line");
        var meter = new CpuMeter(() => new Dictionary<string, TimeSpan> { ["burner"] = CpuTime.OfTree(shell.Id), ["nobody"] = CpuTime.OfTree(0) });
        meter.Start();
        await shell.StandardInput.WriteLineAsync();
        var burnt = await ReadBurntAsync(shell);
        meter.Stop();

        Assert.InRange(meter.Taken["burner"].TotalSeconds, burnt - 0.03, burnt + 0.05);
        Assert.Equal(TimeSpan.Zero, meter.Taken["nobody"]);
        await EndAsync(shell);
    }

    [Fact]
    public async Task Memory_of_a_process_is_its_own_and_its_childrens()
    {
        using var shell = Start("sleep 60 & child=$!; echo ready; read line; kill $child");
        Assert.Equal("ready", await ReadLineAsync(shell));

        var memory = MemoryUse.OfTree(shell.Id);
        Assert.True(memory.Anonymous > 0 && memory.Anonymous <= memory.Proportional && memory.Proportional <= memory.Resident, memory.ToString());
        await EndAsync(shell);
    }

    private static Process Start(string script) => Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    /// <summary>The first of two lines such as <c>0m0.810000s 0m0.010000s</c>, user and system; the second is of the children.</summary>
    private static async Task<double> ReadBurntAsync(Process shell)
    {
        var seconds = (await ReadLineAsync(shell))!.Split(' ').Sum(time => double.Parse(time.Split('m')[1].TrimEnd('s'), CultureInfo.InvariantCulture));
        await ReadLineAsync(shell);
        Assert.InRange(seconds, 0.3, 2);
        return seconds;
    }

    private static async Task<string?> ReadLineAsync(Process process) => await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);

    private static async Task EndAsync(Process process)
    {
        await process.StandardInput.WriteLineAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
    }
}
