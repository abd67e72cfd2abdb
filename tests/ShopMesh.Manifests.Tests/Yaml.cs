using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace ShopMesh.Manifests.Tests;

/// <summary>YAML read as JSON, since a JSON reader can be as strict as the API server: about names that it does not know, and about a number where text belongs.</summary>
internal static class Yaml
{
    /// <summary>For types that name every field there may be.</summary>
    public static JsonSerializerOptions Strict { get; } = new()
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
    };

    /// <exception cref="YamlException">It is no YAML, or a name comes twice in a mapping.</exception>
    public static IReadOnlyList<JsonObject> Documents(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(document => (JsonObject)ToJson(document.RootNode)!)];
    }

    private static JsonNode? ToJson(YamlNode node) => node switch
    {
        YamlMappingNode mapping => ToJson(mapping),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Children.Select(ToJson)]),
        YamlScalarNode { Style: ScalarStyle.Plain } scalar => ToJson(scalar.Value),
        YamlScalarNode scalar => scalar.Value,
        _ => throw new YamlException(node.Start, node.End, "Neither a mapping, nor a sequence, nor a scalar."),
    };

    private static JsonObject ToJson(YamlMappingNode mapping)
    {
        var json = new JsonObject();
        foreach (var (key, value) in mapping.Children.Select(child => (((YamlScalarNode)child.Key).Value!, child.Value)))
        {
            if (key != "<<")
                json[key] = ToJson(value);
        }

        // What is merged in gives way to what is written out.
        foreach (var (key, value) in mapping.Children.Where(child => child.Key is YamlScalarNode { Value: "<<" }).SelectMany(child => ToJson((YamlMappingNode)child.Value)))
            json.TryAdd(key, value?.DeepClone());
        return json;
    }

    private static JsonNode? ToJson(string? plain) => plain switch
    {
        null or "" or "~" or "null" => null,
        "true" => true,
        "false" => false,
        _ when int.TryParse(plain, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer) => integer,
        _ when double.TryParse(plain, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) => number,
        _ => plain,
    };
}
