namespace ShopMesh.Hosting;

public static class LogTail
{
    /// <summary>The last lines of a log; nothing when there is none.</summary>
    public static string Read(string file, int lines) =>
        File.Exists(file) ? string.Join(Environment.NewLine, File.ReadLines(file).TakeLast(lines)) : "";

    /// <summary>Copies what is there and, to follow it, what is added until it is cancelled.</summary>
    public static async Task CopyAsync(string file, TextWriter output, bool follow, CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        var buffer = new char[64 * 1024];
        while (true)
        {
            for (int read; (read = await reader.ReadAsync(buffer, cancellationToken)) > 0;)
                await output.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            if (!follow)
                return;
            await output.FlushAsync(cancellationToken);
            await Task.Delay(TimeSpan.FromMilliseconds(200), cancellationToken);
        }
    }
}
