using System.Text.Json;

namespace ShopMesh.Load.Reporting;

/// <summary>A report as files: JSON for programs, and a page for people that needs no network.</summary>
public static class ReportFiles
{
    private const string Placeholder = "/*REPORT*/";

    /// <summary>Writes PATH.json and PATH.html.</summary>
    /// <returns>The page.</returns>
    public static async Task<FileInfo> WriteAsync(LoadReport report, string path, CancellationToken cancellationToken)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory)
            Directory.CreateDirectory(directory);
        await File.WriteAllTextAsync($"{path}.json", ToJson(report), cancellationToken);
        await File.WriteAllTextAsync($"{path}.html", ToHtml(report), cancellationToken);
        return new($"{path}.html");
    }

    /// <summary>On one line.</summary>
    public static string ToJson(LoadReport report) => JsonSerializer.Serialize(report, LoadJson.Default.LoadReport);

    /// <exception cref="LoadException">It is no report.</exception>
    public static LoadReport FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, LoadJson.Default.LoadReport) ?? throw new JsonException("It is null.");
        }
        catch (JsonException e)
        {
            throw new LoadException($"That is no report of a load: {e.Message}", e);
        }
    }

    public static string ToHtml(LoadReport report)
    {
        using var stream = typeof(ReportFiles).Assembly.GetManifestResourceStream("report.html")!;
        using var reader = new StreamReader(stream);
        // The serializer escapes what would end the element.
        return reader.ReadToEnd().Replace(Placeholder, ToJson(report), StringComparison.Ordinal);
    }
}
