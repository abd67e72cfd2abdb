using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace ShopMesh.Cli.Containers;

/// <summary>What <c>docker save</c> writes of several images: a tar with their layers, and which image has which (https://github.com/moby/docker-image-spec).</summary>
internal static class ImageArchive
{
    /// <param name="file">The archive.</param>
    /// <returns>The bytes that each image, by its tag, adds to the layers with which all of them begin; compressed, as a registry keeps them.</returns>
    public static async Task<IReadOnlyDictionary<string, long>> OwnLayersAsync(string file, CancellationToken cancellationToken)
    {
        // What it says of the layers may come after them, so it is read first.
        var images = new Dictionary<string, List<string>>();
        await foreach (var (name, data) in EntriesAsync(file, cancellationToken))
        {
            if (name == "manifest.json")
                images = JsonNode.Parse(data)!.AsArray().ToDictionary(image => (string)image!["RepoTags"]![0]!, image => image!["Layers"]!.AsArray().Select(layer => (string)layer!).ToList());
        }

        var first = images.Values.First();
        var shared = first.TakeWhile((layer, index) => images.Values.All(layers => layers.ElementAtOrDefault(index) == layer)).Count();
        var own = images.ToDictionary(image => image.Key, image => image.Value.Skip(shared).ToList());
        var sizes = new Dictionary<string, long>();
        var wanted = own.Values.SelectMany(layers => layers).ToHashSet();
        await foreach (var (name, data) in EntriesAsync(file, cancellationToken))
        {
            if (wanted.Contains(name))
                sizes[name] = await CompressedSizeAsync(data, cancellationToken);
        }

        return own.ToDictionary(image => image.Key, image => image.Value.Sum(layer => sizes[layer]));
    }

    /// <summary>Its files, each to be read before the next is asked for.</summary>
    private static async IAsyncEnumerable<(string Name, Stream Data)> EntriesAsync(string file, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var tar = new TarReader(File.OpenRead(file));
        while (await tar.GetNextEntryAsync(cancellationToken: cancellationToken) is { } entry)
        {
            if (entry.DataStream is { } data)
                yield return (entry.Name, data);
        }
    }

    /// <summary>An engine that keeps layers compressed saves them so; those of another are packed as tightly as gzip can.</summary>
    private static async Task<long> CompressedSizeAsync(Stream layer, CancellationToken cancellationToken)
    {
        var start = new byte[2];
        var read = await layer.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, cancellationToken);
        if (start is [0x1f, 0x8b])
            return layer.Length;
        using var compressed = new MemoryStream();
        await using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            await gzip.WriteAsync(start.AsMemory(0, read), cancellationToken);
            await layer.CopyToAsync(gzip, cancellationToken);
        }

        return compressed.Length;
    }
}
